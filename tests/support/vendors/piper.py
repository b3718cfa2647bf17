"""Stands in for the program that speaks by Piper: the same lines and blocks, a hum instead of speech.

`python piper.py [HOW]`: `dies`, `garbage`, `huge` or `odd` when it is to speak, `mute` when it should get ready,
`slow` between its two blocks, `late` to get ready. The text "die" makes it die, whatever HOW says.
"""

import json
import math
import struct
import sys
import time
from array import array

RATE = 22_050


def hum(characters: int) -> bytes:
    return array("h", (int(8_000 * math.sin(at / 10)) for at in range(RATE * 60 * characters // 1_000))).tobytes()


def main() -> None:
    how = sys.argv[1] if len(sys.argv) > 1 else ""
    out = sys.stdout.buffer
    time.sleep(1.0 if how == "late" else 0)
    out.write(b"what?\n" if how == "mute" else json.dumps({"sample_rate": RATE}).encode() + b"\n")
    out.flush()
    for line in sys.stdin.buffer:
        text = json.loads(line)["text"]
        if how == "dies" or text == "die":
            out.write(struct.pack("<I", 1_000) + bytes(10))
            out.flush()
            return
        if how in {"garbage", "huge", "odd"}:
            out.write({"garbage": b"Traceback (most recent", "huge": b"\xff\xff\xff\x7f", "odd": b"\x07\0\0\0"}[how])
            out.flush()
            continue
        for half in (text[: len(text) // 2], text[len(text) // 2 :]):
            pcm = hum(len(half))
            out.write(struct.pack("<I", len(pcm)) + pcm)
            out.flush()
            time.sleep(0.3 if how == "slow" else 0)
        out.write(struct.pack("<I", 0))
        out.flush()


if __name__ == "__main__":
    main()
