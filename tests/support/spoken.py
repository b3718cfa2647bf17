"""How long the scripted voice takes for what it says, and how far it has come after a while."""

from typing import Any

from callgenie.telephony.simulator.report import StreamReport
from callgenie.voice.sentences import SentenceCutter

MS_A_CHARACTER = 60


def pieces_of(text: str) -> list[str]:
    """Return an answer in the pieces in which it is spoken, as it comes word by word."""
    cutter = SentenceCutter()
    return [piece for word in text.split() for piece in cutter.push(word + " ")] + list(cutter.flush())


def takes_as_long_as(ms: int, text: str) -> bool:
    """Tell whether `ms` is how long `text` takes; where it is cut into pieces, no space is spoken."""
    cuts_ms = len(pieces_of(text)) * MS_A_CHARACTER
    return len(text) * MS_A_CHARACTER - cuts_ms <= ms <= len(text) * MS_A_CHARACTER + 20


def words_within(text: str, ms: int) -> list[str]:
    """Return the words that have been said of an answer after `ms`."""
    words: list[str] = []
    at = 0
    for piece in pieces_of(text):
        for word in piece.split():
            at += len(word) * MS_A_CHARACTER
            if at > ms:
                return words
            words.append(word)
            at += MS_A_CHARACTER
        at -= MS_A_CHARACTER
    return words


def was_heard_whole(stream: StreamReport, conversation: dict[str, Any], text: str) -> bool:
    """Tell whether the caller's ear had sound for as long as `text` takes from when it began."""
    turn = next(turn for turn in reversed(conversation["turns"]) if turn["text"] == text)
    began_ms, ended_ms = turn["startedMs"], turn["startedMs"] + len(text) * MS_A_CHARACTER
    margin_ms = 2 * MS_A_CHARACTER
    return any(each.start_ms <= began_ms + 40 and abs(each.end_ms - ended_ms) <= margin_ms for each in stream.heard)
