"""Lets the embedded voice speak utterances over a telephone line and the embedded recogniser write down what it hears.

    python -m training.heard --every 4 > training/data/heard.jsonl            # of the trades to train on
    python -m training.heard --held-out --every 3 > training/data/heard_held_out.jsonl

One JSON object a line: `{"said", "heard": [...]}`. Speech is 8 kHz mu-law with a noise of -45 dBFS. About half a second
an utterance.
"""

import argparse
import asyncio
import json
import sys

import numpy as np

from callgenie.audio.g711 import pcm_to_ulaw, ulaw_to_pcm
from callgenie.voice.providers.embedded import load_embedded_providers
from training.trades import HELD_OUT, TRADES, load

RATE = 8_000
NOISE = 10 ** (-45 / 20) * 32_768
QUIET = bytes(RATE // 2 * 2)
VOICES = ("nanotts-en-us", "nanotts-en-gb")


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--held-out", action="store_true")
    parser.add_argument("--every", type=int, default=4)
    options = parser.parse_args()
    trades = load((HELD_OUT if options.held_out else TRADES).glob("*.json"))
    said = [utterance.said for trade in trades for utterance in trade.utterances][:: options.every]
    providers, rng = load_embedded_providers(), np.random.default_rng(1)
    for number, text in enumerate(said):
        voice = VOICES[number % len(VOICES)]
        speech = b"".join(
            [piece async for piece in providers.tts.stream(text, sample_rate=RATE, language="en", voice=voice)]
        )
        samples = np.frombuffer(QUIET + speech + QUIET, "<i2").astype(np.float32)
        noisy = np.clip(samples + rng.normal(0, NOISE, len(samples)), -32_768, 32_767).astype("<i2").tobytes()
        stream = providers.stt.open(sample_rate=RATE, language="en")
        stream.push(ulaw_to_pcm(pcm_to_ulaw(noisy)))
        heard = (await stream.transcribe()).text
        await stream.close()
        print(json.dumps({"said": text, "heard": [heard]}, ensure_ascii=False), flush=True)
        if number % 100 == 0:
            print(f"{number} of {len(said)}", file=sys.stderr)


if __name__ == "__main__":
    asyncio.run(main())
