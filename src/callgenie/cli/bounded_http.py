"""HTTP with bounds on everything but the body's length, which `http.body_limit` bounds.

The server's parser alone takes heads, chunk sizes and trailers without end, for ever. Here it is fed in slices that end
where a head or a body does, so the size of a head is known to the byte, however the network cut it.
"""

import asyncio
from enum import Enum, auto
from http import HTTPStatus
from typing import Any, Final, cast

import httptools
import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from callgenie.cli.bounded_transport import BoundedTransport, ConnectionLimits, Drain
from callgenie.http.fair_share import FairShare
from callgenie.http.overload import OverloadedError
from callgenie.http.problems import Problem, framework_problem, problem_of
from callgenie.http.request_id import RequestIdMiddleware

# Twice what other servers take. Carriers' and browsers' headers have a few thousand bytes.
HEAD_BYTES_MAX: Final = 64 * 1024
# Others take 100 (Apache) to 2,000 (Node). An empty field of four bytes costs a hundred bytes of memory.
HEAD_FIELDS_MAX: Final = 256
# Unfinished heads of the whole process: a hundred and more at their longest.
UNFINISHED_HEADS_BYTES_MAX: Final = 8 * 1024 * 1024
# Of a chunked body's bytes in a row that are not body: a chunk's size, its extensions, the trailers. Signed chunks, the
# longest that are in use, have 90.
FRAMING_BYTES_MAX: Final = 16 * 1024
# Requests that wait behind another one of their connection. Browsers and proxies send none before the answer.
PIPELINED_MAX: Final = 16

# A timer that is late by this much says that the process stood still, and what has come meanwhile is not read yet.
_STALL_SECONDS: Final = 0.5

REFUSED: Final = "http.request_refused"

_BLANK_LINE: Final = b"\r\n\r\n"
_HEAD_TOO_LARGE: Final = framework_problem(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
_HEAD_TOO_SLOW: Final = framework_problem(HTTPStatus.REQUEST_TIMEOUT)
_MALFORMED: Final = framework_problem(HTTPStatus.BAD_REQUEST)
_TRAILERS: Final = Problem(_MALFORMED.status, _MALFORMED.code, "Trailers after a chunked body are not supported.")
_FRAMING: Final = Problem(
    _MALFORMED.status, _MALFORMED.code, f"The body has more than {FRAMING_BYTES_MAX} bytes of chunk framing in a row."
)

_log = structlog.get_logger(__name__)


class _Part(Enum):
    """The part of a request that the next byte belongs to."""

    HEAD = auto()
    BODY = auto()
    CHUNKS = auto()


class BoundedHttpProtocol(HttpToolsProtocol):
    """One connection. A request that breaks a bound is answered after those before it; then the connection closes."""

    transport: BoundedTransport  # type: ignore[assignment] # stands in for one

    def __init__(self, limits: ConnectionLimits, unfinished_heads: FairShare, **server: Any) -> None:
        super().__init__(**server)
        self._limits = limits
        self._unfinished_heads = unfinished_heads
        self._peer = ""
        self._part = _Part.HEAD
        self._head_bytes = 0
        self._head_bytes_held = 0
        self._head_timer: asyncio.TimerHandle | None = None
        self._body_bytes = 0
        self._body_bytes_announced = 0
        self._framing_bytes = 0
        # The end of what was parsed, in which a blank line may have begun.
        self._last_bytes = b""
        # A bound that was broken while a slice was parsed.
        self._broken: Problem | None = None
        self._reads_no_more = False
        self._answering: RequestResponseCycle | None = None
        self._drain: Drain | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in the parent
        """Expect a head from now on."""
        super().connection_made(cast("asyncio.Transport", BoundedTransport(transport, self._limits)))
        self._peer = self.client[0] if self.client else ""
        self._head_timer = self.loop.call_later(self._limits.head_seconds, self._head_is_late)

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the timers, and release what the head took."""
        self._end_head()
        self._end_drain()
        self.transport.lost()
        if self._answering is not None and not self._answering.response_complete:
            # The parent tells only the newest request, and others may wait behind the one that is being answered.
            self._answering.disconnected = True
            self._answering.message_event.set()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came, slice by slice."""
        if self.transport.is_closing():
            self.transport.throw_away(len(data))
            return
        self._unset_keepalive_if_required()
        at = 0
        while at < len(data) and not self._reads_no_more:
            end = self._end_of_slice(data, at)
            if not self._reads_no_more:
                self._parse(data if end - at == len(data) else data[at:end])
            at = end
        if not self._reads_no_more:
            self._settle()

    def pause_writing(self) -> None:
        """Stop answering a client that does not read, and not for ever."""
        super().pause_writing()
        self.transport.writing_paused()

    def resume_writing(self) -> None:
        """Go on answering."""
        super().resume_writing()
        self.transport.writing_resumed()

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection to the protocol of web sockets."""
        self._reads_no_more = True
        self._end_head()
        super().handle_websocket_upgrade()

    # Where the next slice ends

    def _end_of_slice(self, data: bytes, at: int) -> int:
        """Return an end that no slice passes which begins at `at`: the end of the head or of the body, or earlier."""
        if self._part is _Part.BODY:
            return min(len(data), at + max(1, self._body_bytes_announced - self._body_bytes))
        if self._part is _Part.CHUNKS:
            return self._after_blank_line(data, at, min(len(data), at + FRAMING_BYTES_MAX))
        if self._head_bytes == 0:
            if len(self.pipeline) >= PIPELINED_MAX:
                self._answer_and_close()
                return len(data)
            if self._head_timer is None:
                self._head_timer = self.loop.call_later(self._limits.head_seconds, self._head_is_late)
        if self._head_bytes == HEAD_BYTES_MAX:
            self._refuse(_HEAD_TOO_LARGE)
            return len(data)
        return self._after_blank_line(data, at, min(len(data), at + HEAD_BYTES_MAX - self._head_bytes))

    def _after_blank_line(self, data: bytes, at: int, end: int) -> int:
        """Return the first place after a blank line, even one begun in an earlier slice; `end` if there is none."""
        before = self._last_bytes
        if before:
            found = (before + data[at : at + len(_BLANK_LINE) - 1]).find(_BLANK_LINE)
            if found >= 0:
                return min(end, at + found + len(_BLANK_LINE) - len(before))
        found = data.find(_BLANK_LINE, at, end)
        return end if found < 0 else found + len(_BLANK_LINE)

    def _parse(self, piece: bytes) -> None:
        part, body_bytes = self._part, self._body_bytes
        if part is _Part.HEAD:
            self._head_bytes += len(piece)
        self._last_bytes = (self._last_bytes + piece[-3:])[-3:]
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserError:
            self._broken = self._broken or _MALFORMED
        except httptools.HttpParserUpgrade:
            if self._should_upgrade():
                self.handle_websocket_upgrade()
            else:
                self._unsupported_upgrade_warning()
        if part is self._part is _Part.CHUNKS:
            self._framing_bytes = self._framing_bytes + len(piece) if self._body_bytes == body_bytes else 0
            if self._framing_bytes > FRAMING_BYTES_MAX:
                self._broken = self._broken or _FRAMING
        if self._drain is not None:
            self._drain.received(len(piece))
        if self._broken is not None:
            self._refuse(self._broken)

    def _settle(self) -> None:
        """Hold the bytes of an unfinished head against its sender, and bound how long an idle connection is kept."""
        if self._part is not _Part.HEAD:
            return
        more = self._head_bytes - self._head_bytes_held
        if more and not self._unfinished_heads.take(self._peer, more):
            self._refuse(problem_of(OverloadedError()))
            return
        self._head_bytes_held += more
        if not self._head_bytes and self._is_answered() and self.timeout_keep_alive_task is None:
            # The parent sets it when it has answered; meanwhile the rest of that request has come.
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    # Called by the parser

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a field of the head; after it, there must be none."""
        if self._part is not _Part.HEAD:
            # The parent would add it to the headers of a request that was judged already.
            self._broken = self._broken or _TRAILERS
        elif len(self.headers) == HEAD_FIELDS_MAX:
            self._broken = self._broken or _HEAD_TOO_LARGE
        else:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin the answer, and expect the body."""
        if self._broken is not None:
            return
        super().on_headers_complete()
        self._end_head()
        self._last_bytes = b""
        self._body_bytes = self._framing_bytes = 0
        fields = dict(self.headers)
        if b"transfer-encoding" in fields:
            self._part = _Part.CHUNKS
        else:
            self._part = _Part.BODY
            self._body_bytes_announced = int(fields.get(b"content-length", b"0"))
        if not (self.parser.should_upgrade() and self._should_upgrade()):
            self.cycle.transport = cast("asyncio.Transport", _AnswerTransport(self))

    def on_body(self, body: bytes) -> None:
        """Hand a piece of the body to the application, if it still wants it."""
        if self._broken is None:
            self._body_bytes += len(body)
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Expect another head."""
        if self._broken is not None:
            return
        super().on_message_complete()
        self._part = _Part.HEAD
        self._last_bytes = b""
        self._end_drain()

    # The answer

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGIApp) -> None:  # type: ignore[override] # ours are Starlette's types
        self._answering = cycle
        if cycle.waiting_for_100_continue:
            app = _closing_unless_continued(cycle, app)
        super()._start_asgi_task(cycle, app)  # type: ignore[arg-type] # the same application in uvicorn's words

    def on_response_complete(self) -> None:
        """Begin with the next request; throw away what is still to come of this one."""
        super().on_response_complete()
        if self._part is not _Part.HEAD and self.cycle.response_complete and not self.transport.is_closing():
            self._drain = Drain(self._limits.drain_seconds, self.transport.abort)

    def answer_is_over(self) -> None:
        """Close the connection after its last answer; what the client has still to say is not waited for long."""
        if self._part is _Part.HEAD and not self._head_bytes and not self._reads_no_more:
            self.transport.close()
            return
        self._reads_no_more = True
        self._end_head()
        self.flow.resume_reading()
        self.transport.linger()

    def _is_answered(self) -> bool:
        # The parent's annotation leaves out that there is none before the first request.
        newest = cast("RequestResponseCycle | None", self.cycle)
        return newest is None or newest.response_complete

    def _answer_and_close(self) -> None:
        """Answer what was asked so far; the client has to ask for the rest on another connection (RFC 9112, 9.3.2)."""
        self._reads_no_more = True
        self.cycle.keep_alive = False

    def _refuse(self, problem: Problem) -> None:
        """Answer the request that is being read with the problem, after those before it, and read no more."""
        _log.info(REFUSED, status=int(problem.status), code=problem.code)
        self._reads_no_more = True
        self._end_head()
        self._end_drain()
        self.flow.pause_reading()
        newest = self.cycle
        waits = not self._is_answered()
        if self._part is not _Part.HEAD:
            if newest.response_started:
                self._cut_off(newest)
                return
            # What was begun with it finds that the client is gone.
            newest.disconnected = True
            newest.message_event.set()
            waits = bool(self.pipeline)
            if waits:
                self.pipeline.popleft()
        cycle = self._refusing_cycle()
        app = RequestIdMiddleware(_Refusal(problem))
        self.cycle = cycle
        if waits:
            self.pipeline.appendleft((cycle, app))  # type: ignore[arg-type] # as above
        else:
            self._start_asgi_task(cycle, app)

    def _cut_off(self, cycle: RequestResponseCycle) -> None:
        """End a connection on which nothing sensible can be said any more: its answer is out, or half of it."""
        if cycle.response_complete:
            self.answer_is_over()
        else:
            self.transport.abort()

    def _refusing_cycle(self) -> RequestResponseCycle:
        # The head may not have said so much yet.
        unsaid = {"type": "http", "http_version": "1.1", "method": "GET", "path": "", "headers": []}
        scope = {**unsaid, **(self.scope or {}), "state": self.app_state.copy()}
        return RequestResponseCycle(
            scope=cast("Any", scope),
            transport=cast("asyncio.Transport", _AnswerTransport(self)),
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=False,
            on_response=self.on_response_complete,
        )

    # Timers

    def _head_is_late(self) -> None:
        due = self._head_timer.when() if self._head_timer is not None else 0.0
        self._head_timer = None
        if self.flow.read_paused or self.loop.time() - due > _STALL_SECONDS:
            # It was we who did not read.
            self._head_timer = self.loop.call_later(self._limits.head_seconds, self._head_is_late)
        elif self._head_bytes:
            self._refuse(_HEAD_TOO_SLOW)
        else:
            self.transport.close()

    def _end_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
        self._unfinished_heads.give_back(self._peer, self._head_bytes_held)
        self._head_bytes = self._head_bytes_held = 0

    def _end_drain(self) -> None:
        if self._drain is not None:
            self._drain.stop()
            self._drain = None


class _AnswerTransport:
    """The transport as an answer sees it: closing it is closing the connection after a last answer."""

    def __init__(self, protocol: BoundedHttpProtocol) -> None:
        self._protocol = protocol
        self.write = protocol.transport.write
        self.is_closing = protocol.transport.is_closing

    def close(self) -> None:
        self._protocol.answer_is_over()


class _Refusal:
    """An application that answers with a problem."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._problem.answer(scope)(scope, receive, send)


def _closing_unless_continued(cycle: RequestResponseCycle, app: ASGIApp) -> ASGIApp:
    """Return an application that closes the connection where it answers without having asked for the body.

    A client that was told 417 instead of 100 may send the body or not (RFC 9110, 10.1.1), and nobody could tell its
    first bytes from another request.
    """

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_closing(message: Message) -> None:
            if cycle.waiting_for_100_continue:
                cycle.keep_alive = False
            await send(message)

        await app(scope, receive, send_closing)

    return answer
