"""HTTP: calls from the browser, and the socket they are held over."""

from contextlib import suppress
from http import HTTPStatus
from typing import Annotated, Final, Self, cast

import structlog
from fastapi import APIRouter, Depends, Header, WebSocket
from pydantic import Field
from starlette.requests import HTTPConnection
from starlette.websockets import WebSocketDisconnect

from callgenie.calls.errors import CallNotTakenError, OriginNotAllowedError
from callgenie.calls.sockets import ServerSocket
from callgenie.calls.web_calls import REFUSALS, WEB_CALL_PATH, Ticket, WebCalls
from callgenie.conversations.live_store import RINGING_SECONDS
from callgenie.http.bodies import ApiView
from callgenie.http.problems import problems
from callgenie.kernel.errors import DomainError
from callgenie.kernel.ids import SessionId
from callgenie.users.guards import WebCaller

_log = structlog.get_logger(__name__)

SOCKET_REFUSED: Final = "carrier.web_socket_refused"

router = APIRouter(tags=["calls"])


class TicketView(ApiView):
    """What opens a call's socket, once."""

    session_id: str
    ticket: str
    url: str = Field(description="The socket's whole address, with the ticket.")
    expires_in: int = Field(description="Seconds until the ticket is worth nothing, and the call is over unanswered.")

    @classmethod
    def of(cls, ticket: Ticket) -> Self:
        """Show a ticket."""
        return cls(session_id=ticket.session_id, ticket=ticket.ticket, url=ticket.url, expires_in=RINGING_SECONDS)


async def get_web_calls(connection: HTTPConnection) -> WebCalls:
    """Return the service that the program was put together with."""
    return cast("WebCalls", connection.app.state.services.web_calls)


WebCallsDep = Annotated[WebCalls, Depends(get_web_calls)]


@router.post(
    WEB_CALL_PATH,
    status_code=HTTPStatus.CREATED,
    responses=problems(OriginNotAllowedError, CallNotTakenError, *REFUSALS.values()),
)
async def ring_from_browser(
    user: WebCaller, web_calls: WebCallsDep, origin: Annotated[str | None, Header(include_in_schema=False)] = None
) -> TicketView:
    """Begin a call from a web page to the user's assistant; its socket is opened with the ticket.

    With an API key of scope `calls:web` a site's own server does this for its visitors, and hands them the ticket.
    """
    return TicketView.of(await web_calls.ring(user.id, origin))


@router.websocket(WEB_CALL_PATH + "/{session_id}")
async def hold_web_call(websocket: WebSocket, session_id: str, web_calls: WebCallsDep, ticket: str = "") -> None:
    """Hold a call over the page's socket."""
    try:
        call = await web_calls.answer(SessionId(session_id), ticket, websocket.headers.get("origin"))
    except DomainError as error:
        _log.warning(SOCKET_REFUSED, reason=error.code)
        await websocket.close()
        return
    # A page that is gone by now is found to be so by the call, which is settled then.
    with suppress(WebSocketDisconnect, RuntimeError):
        await websocket.accept()
    await web_calls.hold(call, ServerSocket(websocket))
