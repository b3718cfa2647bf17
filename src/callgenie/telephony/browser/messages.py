"""The JSON texts of a call from the browser, both directions; `docs/reference/web-calls.md` describes them."""

import json
from typing import Any, Final

from callgenie.telephony.messages import (
    CarrierProtocolError,
    Dtmf,
    Ignored,
    Mark,
    Stopped,
    digit_of,
    json_object,
    text_of,
)
from callgenie.voice.ports import FRAME_MS
from callgenie.voice.turn import SessionEnd, Turn

SAMPLE_RATE: Final = 16_000

# 16-bit samples, one channel.
BYTES_A_SECOND: Final = SAMPLE_RATE * 2
FRAME_BYTES: Final = BYTES_A_SECOND * FRAME_MS // 1000

# The longest text that a page has to send names a mark of ours.
_TEXT_CHARACTERS_MAX: Final = 1_024

Message = Mark | Dtmf | Stopped | Ignored


def read_message(text: str) -> Message:
    """Return what the page says.

    Raises:
        CarrierProtocolError: It is not a message of the protocol.
    """
    if len(text) > _TEXT_CHARACTERS_MAX:
        raise CarrierProtocolError("A message is longer than any of the protocol.")
    message = json_object(text)
    match message.get("event"):
        case "mark":
            return Mark(text_of(message.get("name")))
        case "dtmf":
            return Dtmf(digit_of(message.get("digit")))
        case "hang-up":
            return Stopped()
        case str():
            return Ignored()
        case _:
            raise CarrierProtocolError("A message's event is a word.")


def read_audio(pcm: bytes) -> list[bytes]:
    """Return the frames of a binary message, the last one perhaps a shorter one.

    Raises:
        CarrierProtocolError: It is nothing, half a sample, or more than a second.
    """
    if not pcm or len(pcm) % 2 or len(pcm) > BYTES_A_SECOND:
        raise CarrierProtocolError("Audio is 16-bit samples, at most a second of them.")
    return [pcm[start : start + FRAME_BYTES] for start in range(0, len(pcm), FRAME_BYTES)]


def ready_event() -> str:
    """Return what is said first: the call is answered, and this is what audio looks like."""
    return _event("ready", sampleRate=SAMPLE_RATE, frameMs=FRAME_MS)


def mark_event(name: str) -> str:
    """Return the wish to be told when all audio before it was played."""
    return _event("mark", name=name)


def clear_event() -> str:
    """Return the order to drop what was not played yet."""
    return _event("clear")


def partial_event(text: str) -> str:
    """Return what the caller seems to say."""
    return _event("partial", text=text)


def turn_event(number: int, turn: Turn) -> str:
    """Return a finished turn."""
    return _event(
        "turn",
        number=number,
        role=turn.role.value,
        text=turn.text,
        interrupted=turn.interrupted,
        startedMs=turn.started_ms,
        endedMs=turn.ended_ms,
    )


def ended_event(end: SessionEnd) -> str:
    """Return what is said last."""
    return _event("ended", reason=end.reason.value, fault=end.fault.value)


def _event(word: str, /, **fields: Any) -> str:
    return json.dumps({"event": word, **fields}, ensure_ascii=False, separators=(",", ":"))
