"""Remembers speech that is said in many calls, above all greetings, so that it starts at once."""

from collections import OrderedDict
from collections.abc import AsyncIterator
from typing import Final

from callgenie.voice.ports import TextToSpeech

# Sixteen minutes at 8 kHz, shared by all calls: the greetings of a few hundred businesses.
_BYTES_MAX: Final = 16 * 1024 * 1024

# Longer speech is an answer, which hardly comes twice, and would push many greetings out.
_ONE_BYTES_MAX: Final = 512 * 1024

_PIECE_BYTES: Final = 8_000

_Key = tuple[str, int, str, str]


class CachedSpeech:
    """Any speech provider, with a memory; what was not said for longest goes first."""

    def __init__(self, tts: TextToSpeech) -> None:
        self._tts = tts
        self._known: OrderedDict[_Key, bytes] = OrderedDict()
        self._bytes = 0

    async def stream(self, text: str, *, sample_rate: int, language: str, voice: str) -> AsyncIterator[bytes]:
        """Yield the speech for `text`, from memory or as it is made."""
        key = (text, sample_rate, language, voice)
        known = self._known.get(key)
        if known is not None:
            self._known.move_to_end(key)
            for at in range(0, len(known), _PIECE_BYTES):
                yield known[at : at + _PIECE_BYTES]
            return
        made: list[bytes] = []
        async for piece in self._tts.stream(text, sample_rate=sample_rate, language=language, voice=voice):
            made.append(piece)
            yield piece
        # Only here was the speech made to its end: a stream that failed or was cut off never gets this far.
        self._remember(key, b"".join(made))

    def _remember(self, key: _Key, pcm: bytes) -> None:
        if not pcm or len(pcm) > _ONE_BYTES_MAX or key in self._known:
            return
        self._known[key] = pcm
        self._bytes += len(pcm)
        while self._bytes > _BYTES_MAX:
            _, dropped = self._known.popitem(last=False)
            self._bytes -= len(dropped)
