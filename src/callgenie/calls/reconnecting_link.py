"""A link that survives its socket: when that breaks, the same call goes on over the next one."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final, Protocol

import structlog

from callgenie.voice.ports import AudioLink, LinkClosed, LinkEvent

_log = structlog.get_logger(__name__)

STREAM_LOST: Final = "carrier.stream_lost"
STREAM_REPLACED: Final = "carrier.stream_replaced"

# The carrier notices a broken socket as soon as we do, and asks at once what to do: a round trip or two later the next
# socket is there. Nobody stays on a line that is dead for longer.
GRACE_SECONDS: Final = 2.0

_REJECT_SECONDS_MAX: Final = 3.0


class CarrierLink(AudioLink, Protocol):
    """One media socket of a carrier that can open another for the same call."""

    async def reject(self) -> None:
        """Close a stream that is broken, or that another has replaced."""
        ...


class ReconnectingLink:
    """Implements `voice.ports.AudioLink` over one media socket after the other.

    Whoever listens and speaks through it notices nothing but a moment of silence: speech waits while there is no
    socket, so that the caller misses at most what the carrier had taken and not played.
    """

    def __init__(self, link: CarrierLink) -> None:
        self.sample_rate: int = link.sample_rate
        self.can_transfer: bool = link.can_transfer
        self._link = link
        self._is_up = asyncio.Event()
        self._is_up.set()
        self._changed = asyncio.Event()
        self._over = False
        self._closed = asyncio.Event()
        self._reader: asyncio.Task[Any] | None = None
        self._is_reading = False
        self._cut_off = False

    @property
    def can_be_replaced(self) -> bool:
        """Whether the call goes on, so that another socket would be of use."""
        return not self._over

    async def replace(self, link: CarrierLink) -> None:
        """Go on over `link`; whatever is left of the socket before is closed. Returns when the call is over.

        Ask `can_be_replaced` first, without waiting in between.
        """
        before, self._link = self._link, link
        _log.info(STREAM_REPLACED, was_lost=not self._is_up.is_set())
        self._is_up.set()
        self._changed.set()
        if self._is_reading and self._reader is not None:
            # The socket before may look alive for minutes when the network between is gone: stop waiting for it.
            self._cut_off, self._is_reading = True, False
            self._reader.cancel()
        await _reject(before)
        await self._closed.wait()

    def give_up(self) -> None:
        """Wait for no other socket any more; one that is there stays."""
        if not self._is_up.is_set():
            self._end()

    async def events(self) -> AsyncIterator[LinkEvent]:
        """Yield what the carrier sends, over whichever socket; `LinkClosed` is the last and always comes."""
        self._reader = asyncio.current_task()
        while True:
            link, clean = self._link, False
            events = link.events()
            while self._link is link:
                event = await self._next(events)
                if event is None:
                    break
                if isinstance(event, LinkClosed):
                    clean = event.clean
                    break
                yield event
            if clean or not await self._is_replaced(link):
                self._end()
                yield LinkClosed(clean=clean)
                return

    async def send_audio(self, pcm: bytes) -> None:
        """Hand audio to the carrier; without a socket, wait for the next."""
        await self._is_up.wait()
        await self._link.send_audio(pcm)

    async def send_mark(self, name: str) -> None:
        """Ask to be told when everything sent so far was played; without a socket, wait for the next."""
        await self._is_up.wait()
        await self._link.send_mark(name)

    async def clear(self) -> None:
        """Throw away what the carrier has not played yet. It keeps nothing when its socket breaks."""
        if self._is_up.is_set():
            await self._link.clear()

    async def close(self) -> None:
        """Hang up, and take no other socket."""
        self._end()
        try:
            await self._link.close()
        finally:
            self._closed.set()

    async def _next(self, events: AsyncIterator[LinkEvent]) -> LinkEvent | None:
        """Return the next event; None when the socket was replaced, or has none left."""
        # This is `asyncio.timeout` by hand: fifty times a second for each call, its objects are what costs most.
        self._is_reading = True
        try:
            return await anext(events, None)
        except asyncio.CancelledError:
            if self._cut_off and self._reader is not None and self._reader.cancelling() == 1:
                return None
            raise
        finally:
            if self._cut_off and self._reader is not None:
                self._reader.uncancel()
            self._is_reading = self._cut_off = False

    async def _is_replaced(self, lost: CarrierLink) -> bool:
        """Wait for another socket; whether one came in time."""
        if self._link is lost and self.can_be_replaced:
            self._is_up.clear()
            self._changed.clear()
            _log.warning(STREAM_LOST)
            try:
                async with asyncio.timeout(GRACE_SECONDS):
                    await _reject(lost)
                    await self._changed.wait()
            except TimeoutError:
                return False
        return self._link is not lost

    def _end(self) -> None:
        self._over = True
        self._changed.set()
        self._is_up.set()


async def _reject(link: CarrierLink) -> None:
    try:
        async with asyncio.timeout(_REJECT_SECONDS_MAX):
            await link.reject()
    except Exception:  # noqa: BLE001 - it is of no use any more, whatever it thinks of that
        _log.warning(STREAM_LOST, exc_info=True)
