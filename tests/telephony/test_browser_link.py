"""A page's link when the page is slow or gone: what waits is bounded, and the end comes all the same."""

import asyncio
import json
from datetime import UTC, datetime

from tests.support.virtual_time import running_virtual_loop, virtually

from callgenie.kernel.clock import LoopClock
from callgenie.kernel.vocabulary import EndedReason, Fault, TurnRole
from callgenie.telephony.browser.allowance import Allowance
from callgenie.telephony.browser.link import BrowserLink
from callgenie.telephony.socket import SocketClosedError
from callgenie.voice.ports import AudioReceived, LinkClosed
from callgenie.voice.turn import SessionEnd, Turn

SECOND = 32_000
FRAME = bytes(640)


class PageSocket:
    """A page that reads only while it is told to."""

    def __init__(self) -> None:
        self.sent: list[str | bytes] = []
        self.reads = asyncio.Event()
        self.code: int | None = None
        self._incoming: asyncio.Queue[str | bytes | None] = asyncio.Queue()

    def says(self, message: str | bytes | None) -> None:
        self._incoming.put_nowait(message)

    async def receive_message(self) -> str | bytes:
        message = await self._incoming.get()
        if message is None:
            raise SocketClosedError(1_006)
        return message

    async def receive_text(self) -> str:
        return str(await self.receive_message())

    async def send_text(self, text: str) -> None:
        await self._send(text)

    async def send_bytes(self, data: bytes) -> None:
        await self._send(data)

    async def close(self, code: int) -> None:
        await self.reads.wait()
        self.code = self.code or code

    async def _send(self, message: str | bytes) -> None:
        await self.reads.wait()
        self.sent.append(message)

    def events(self) -> list[str]:
        return [json.loads(message)["event"] for message in self.sent if isinstance(message, str)]


def link_on(socket: PageSocket) -> BrowserLink:
    return BrowserLink(socket, LoopClock(datetime(2026, 1, 5, tzinfo=UTC)))


@virtually
async def test_what_was_not_sent_yet_is_not_sent_after_a_clear() -> None:
    socket = PageSocket()
    link = link_on(socket)
    sending = asyncio.create_task(link.run())
    await asyncio.sleep(0)
    for _ in range(50):
        await link.send_audio(FRAME)
    await link.send_mark("p1")
    await link.clear()
    socket.reads.set()
    await link.finish()
    sending.cancel()
    assert FRAME not in socket.sent
    assert socket.events() == ["ready", "mark", "clear"]


@virtually
async def test_a_page_that_reads_nothing_is_given_up_and_holds_no_more_than_five_seconds() -> None:
    socket = PageSocket()
    link = link_on(socket)
    sending = asyncio.create_task(link.run())
    for _ in range(1_000):
        await link.send_audio(FRAME)
    socket.says(FRAME)
    socket.says(FRAME)
    received = [event async for event in link.events()]
    assert received[-1] == LinkClosed(clean=False)
    began = running_virtual_loop().time()
    await link.finish()
    assert running_virtual_loop().time() - began <= 2.1
    socket.reads.set()
    await asyncio.sleep(0)
    sending.cancel()
    assert socket.sent.count(FRAME) == 0


@virtually
async def test_after_the_hang_up_the_page_still_hears_the_last_words_and_the_end() -> None:
    socket = PageSocket()
    socket.reads.set()
    link = link_on(socket)
    sending = asyncio.create_task(link.run())
    await link.send_audio(FRAME)
    await link.close()
    await link.send_audio(b"\1\1")
    await link.send_mark("late")
    link.turn_finished(Turn(TurnRole.USER, "and goodbye", 0, 900))
    link.turn_finished(Turn(TurnRole.TOOL, "what tools say is not shown", 900, 900))
    link.call_ended(SessionEnd(EndedReason.CALLER_HANGUP, Fault.NONE))
    await link.finish()
    sending.cancel()
    assert b"\1\1" not in socket.sent
    assert socket.events() == ["ready", "turn", "ended"]
    assert socket.code == 1_000


@virtually
async def test_a_message_of_many_frames_is_heard_frame_by_frame() -> None:
    socket = PageSocket()
    link = link_on(socket)
    socket.says(bytes(640 * 3 + 100))
    socket.says(None)
    received = [event async for event in link.events()]
    assert received == [*[AudioReceived(FRAME)] * 3, AudioReceived(bytes(100)), LinkClosed(clean=False)]


@virtually
async def test_an_allowance_fills_up_again_to_its_burst_and_no_further() -> None:
    allowance = Allowance(LoopClock(datetime(2026, 1, 5, tzinfo=UTC)), per_second=10, burst=30)
    assert allowance.take(30)
    assert not allowance.take(1)
    await asyncio.sleep(2)
    assert allowance.take(20)
    assert not allowance.take(1)
    await asyncio.sleep(60)
    assert not allowance.take(31)
    assert allowance.take(30)
