"""Remembers speech that is said in many calls, above all greetings, so that it starts at once."""

from collections import OrderedDict
from collections.abc import AsyncIterator
from typing import Final

from callgenie.voice.ports import TextToSpeech

# Sixteen minutes at 8 kHz, shared by all calls: the greetings of a few hundred businesses. Answers go through the same
# memory, and hardly any is said twice, so what was said once has half the room, and never pushes out the rest.
_BYTES_MAX: Final = 16 * 1024 * 1024
_SAID_ONCE_BYTES_MAX: Final = 8 * 1024 * 1024

# Longer speech is an answer, which hardly comes twice, and would push many greetings out.
_ONE_BYTES_MAX: Final = 512 * 1024

_PIECE_BYTES: Final = 8_000

_Key = tuple[str, int, str, str]


class CachedSpeech:
    """Any speech provider, with a memory; what was not said for longest goes first."""

    def __init__(self, tts: TextToSpeech) -> None:
        self._tts = tts
        self._said_once = _Memory(_SAID_ONCE_BYTES_MAX)
        self._said_again = _Memory(_BYTES_MAX - _SAID_ONCE_BYTES_MAX)

    async def stream(self, text: str, *, sample_rate: int, language: str, voice: str) -> AsyncIterator[bytes]:
        """Yield the speech for `text`, from memory or as it is made."""
        key = (text, sample_rate, language, voice)
        known = self._recalled(key)
        if known is not None:
            for at in range(0, len(known), _PIECE_BYTES):
                yield known[at : at + _PIECE_BYTES]
            return
        made: list[bytes] = []
        async for piece in self._tts.stream(text, sample_rate=sample_rate, language=language, voice=voice):
            made.append(piece)
            yield piece
        # Only here was the speech made to its end: a stream that failed or was cut off never gets this far.
        pcm = b"".join(made)
        if pcm and len(pcm) <= _ONE_BYTES_MAX and self._recalled(key) is None:
            self._said_once.keep(key, pcm)

    def _recalled(self, key: _Key) -> bytes | None:
        said_once = self._said_once.take(key)
        known = said_once if said_once is not None else self._said_again.take(key)
        if known is not None:
            self._said_again.keep(key, known)
        return known


class _Memory:
    """Speech up to a size, the newest last."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._known: OrderedDict[_Key, bytes] = OrderedDict()
        self._bytes = 0

    def take(self, key: _Key) -> bytes | None:
        """Return what is kept under the key, and keep it no longer."""
        known = self._known.pop(key, None)
        self._bytes -= len(known or b"")
        return known

    def keep(self, key: _Key, pcm: bytes) -> None:
        """Keep speech; what was kept for longest makes room."""
        self._known[key] = pcm
        self._bytes += len(pcm)
        while self._bytes > self._bytes_max:
            _, dropped = self._known.popitem(last=False)
            self._bytes -= len(dropped)
