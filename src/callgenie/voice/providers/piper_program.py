"""The program that speaks by Piper, in a process of its own: neither Piper's licence nor its crashes are to be ours.

`python -P piper_program.py MODEL` needs nothing of CallGenie, only Piper. It writes one line, `{"sample_rate": N}`,
when it is ready. Each line that it reads, `{"text": ...}`, it answers with blocks: a length as 4 bytes, little-endian,
and so many bytes of 16-bit little-endian mono PCM. A length of 0 ends the answer.
"""

import json
import os
import struct
import sys


def main() -> None:
    """Answer until the input ends."""
    from piper import PiperVoice  # type: ignore[import-not-found,unused-ignore] # noqa: PLC0415 - only this process has it

    # Whatever a library prints must not get between the blocks.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    voice = PiperVoice.load(sys.argv[1])
    answers.write(json.dumps({"sample_rate": voice.config.sample_rate}).encode() + b"\n")
    answers.flush()
    for line in sys.stdin.buffer:
        for chunk in voice.synthesize(json.loads(line)["text"]):
            pcm = chunk.audio_int16_bytes
            if pcm:
                answers.write(struct.pack("<I", len(pcm)) + pcm)
                answers.flush()
        answers.write(struct.pack("<I", 0))
        answers.flush()


if __name__ == "__main__":
    main()
