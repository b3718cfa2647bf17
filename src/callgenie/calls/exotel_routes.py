"""Exotel's media socket and status callback over HTTP."""

from typing import Annotated, Final

import structlog
from fastapi import APIRouter, Depends, Request, WebSocket, status
from starlette.requests import HTTPConnection

from callgenie.calls.carrier_errors import SecretNotShownError, WebhookMalformedError
from callgenie.calls.errors import CallNotWaitingError
from callgenie.calls.exotel import ExotelCalls, Shown
from callgenie.calls.sockets import ServerSocket
from callgenie.http.head_checks import HeadGuard
from callgenie.http.problems import problems
from callgenie.telephony.exotel.link import ExotelLink, receive_start
from callgenie.telephony.messages import CarrierProtocolError
from callgenie.telephony.socket import POLICY_VIOLATION, SocketClosedError

_log = structlog.get_logger(__name__)

MEDIA_REFUSED: Final = "carrier.media_refused"

router = APIRouter(tags=["telephony"])


async def get_exotel(connection: HTTPConnection) -> ExotelCalls:
    """Put together what judges Exotel's requests."""
    services = connection.app.state.services
    settings = services.settings
    return ExotelCalls(
        services.desk, services.live, secret=settings.exotel_secret, country_code=settings.exotel_country_code
    )


ExotelDep = Annotated[ExotelCalls, Depends(get_exotel)]


class _SecretGuard(HeadGuard):
    """Refuses what does not show the secret."""

    async def __call__(self, connection: HTTPConnection) -> None:
        if not (await get_exotel(connection)).trusts(_shown(connection)):
            raise SecretNotShownError


@router.websocket("/api/telephony/exotel/media")
async def hold_call(websocket: WebSocket, exotel: ExotelDep) -> None:
    """Hold a call over Exotel's Voicebot applet."""
    if not exotel.trusts(_shown(websocket)):
        _log.warning(MEDIA_REFUSED, reason="the secret is not shown")
        await websocket.close()
        return
    await websocket.accept()
    socket = ServerSocket(websocket)
    try:
        started = await receive_start(socket)
        await exotel.hold(started, ExotelLink(socket, started))
    except (CarrierProtocolError, SocketClosedError, CallNotWaitingError) as error:
        _log.warning(MEDIA_REFUSED, reason=type(error).__name__, error=str(error))
        await socket.close(POLICY_VIOLATION)


@router.post(
    "/api/telephony/exotel/status",
    dependencies=(Depends(_SecretGuard()),),
    responses=problems(SecretNotShownError, WebhookMalformedError),
    status_code=status.HTTP_204_NO_CONTENT,
)
async def note_exotel_status(request: Request, exotel: ExotelDep) -> None:
    """Take Exotel's status callback: a form, in either encoding, or JSON."""
    body, content_type = await request.body(), request.headers.get("content-type", "")
    await exotel.note_status(_shown(request), body, content_type)


def _shown(connection: HTTPConnection) -> Shown:
    query = connection.scope["query_string"].decode("latin-1")
    return Shown(authorization=connection.headers.get("authorization", ""), query=query)
