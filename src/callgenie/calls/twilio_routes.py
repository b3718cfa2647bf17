"""Twilio's webhooks and its media socket over HTTP."""

from typing import Annotated, Any, Final, cast

import structlog
from fastapi import APIRouter, Depends, Request, Response, WebSocket, status
from starlette.requests import HTTPConnection

from callgenie.calls.carrier_errors import WebhookMalformedError, WebhookUnsignedError
from callgenie.calls.media_streams import MediaStreams
from callgenie.calls.outbound import OUTBOUND_PATH, STATUS_PATH
from callgenie.calls.sockets import ServerSocket
from callgenie.calls.twilio import (
    MEDIA_PATH,
    STREAM_ENDED_PATH,
    TRANSFER_ENDED_PATH,
    SignedRequest,
    TwilioCalls,
    claim_of,
)
from callgenie.http.head_checks import HeadGuard
from callgenie.http.problems import problems
from callgenie.kernel.errors import DomainError, UnavailableError
from callgenie.telephony.messages import CarrierProtocolError
from callgenie.telephony.socket import INTERNAL_ERROR, POLICY_VIOLATION, SocketClosedError, TextSocket
from callgenie.telephony.twilio.link import TwilioLink, receive_start
from callgenie.telephony.twilio.signature import HEADER
from callgenie.telephony.twilio.twiml import MEDIA_TYPE

_log = structlog.get_logger(__name__)

MEDIA_REFUSED: Final = "carrier.media_refused"

router = APIRouter(tags=["telephony"])


async def get_twilio(connection: HTTPConnection) -> TwilioCalls:
    """Put together what judges Twilio's requests."""
    services = connection.app.state.services
    return TwilioCalls(
        services.desk,
        services.live,
        services.streams,
        services.after_stream,
        services.after_transfer,
        services.outbound_calls,
        public_url=services.public_url,
        auth_token=services.settings.twilio_auth_token,
    )


async def get_streams(connection: HTTPConnection) -> MediaStreams:
    """Find the media streams of running calls."""
    return cast("MediaStreams", connection.app.state.services.streams)


TwilioDep = Annotated[TwilioCalls, Depends(get_twilio)]
StreamsDep = Annotated[MediaStreams, Depends(get_streams)]


class _SignatureGuard(HeadGuard):
    """Refuses what carries no signature; whether it is a right one is known once the body is there."""

    async def __call__(self, connection: HTTPConnection) -> None:
        has_token = connection.app.state.services.settings.twilio_auth_token is not None
        if not (has_token and connection.headers.get(HEADER)):
            raise WebhookUnsignedError


_GUARDS: Final = (Depends(_SignatureGuard()),)
_REFUSALS: Final = problems(WebhookUnsignedError, WebhookMalformedError)
_TWIML: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {MEDIA_TYPE: {}}, "description": "TwiML"}}


@router.post("/api/telephony/twilio/voice", dependencies=_GUARDS, responses=_REFUSALS | _TWIML, response_class=Response)
async def ring(request: Request, twilio: TwilioDep) -> Response:
    """Answer Twilio's voice webhook: connect the call to the media socket, or say why not."""
    return Response(await twilio.ring(_signed(request), await request.body()), media_type=MEDIA_TYPE)


@router.post(OUTBOUND_PATH, dependencies=_GUARDS, responses=_REFUSALS | _TWIML, response_class=Response)
async def talk(request: Request, twilio: TwilioDep) -> Response:
    """Connect somebody who has answered a call of ours to the media socket."""
    return Response(await twilio.picked_up(_signed(request), await request.body()), media_type=MEDIA_TYPE)


@router.post(STATUS_PATH, dependencies=_GUARDS, responses=_REFUSALS, status_code=status.HTTP_204_NO_CONTENT)
async def note_status(request: Request, twilio: TwilioDep) -> None:
    """Take Twilio's status callback."""
    await twilio.note_status(_signed(request), await request.body())


@router.post(STREAM_ENDED_PATH, dependencies=_GUARDS, responses=_REFUSALS | _TWIML, response_class=Response)
async def go_on(request: Request, twilio: TwilioDep) -> Response:
    """Tell Twilio what comes after a media stream: another one when it was lost, or the end."""
    return Response(await twilio.stream_ended(_signed(request), await request.body()), media_type=MEDIA_TYPE)


@router.post(TRANSFER_ENDED_PATH, dependencies=_GUARDS, responses=_REFUSALS | _TWIML, response_class=Response)
async def take_leave(request: Request, twilio: TwilioDep) -> Response:
    """Take from Twilio what came of a transfer, and bring a caller whom nobody has answered back to the assistant."""
    return Response(await twilio.transfer_ended(_signed(request), await request.body()), media_type=MEDIA_TYPE)


@router.websocket(MEDIA_PATH)
async def hold_call(websocket: WebSocket, twilio: TwilioDep, streams: StreamsDep) -> None:
    """Hold a call over Twilio's Media Streams."""
    if not twilio.is_upgrade_trusted(_signed(websocket)):
        _log.warning(MEDIA_REFUSED, reason="upgrade not signed")
        await websocket.close()
        return
    await websocket.accept()
    socket = ServerSocket(websocket)
    try:
        started = await receive_start(socket)
        await streams.hold(claim_of(started), lambda: TwilioLink(socket, started.stream_sid))
    except (CarrierProtocolError, SocketClosedError, DomainError) as error:
        await _refuse(socket, error)


async def _refuse(socket: TextSocket, error: Exception) -> None:
    _log.warning(MEDIA_REFUSED, reason=type(error).__name__, error=str(error))
    await socket.close(INTERNAL_ERROR if isinstance(error, UnavailableError) else POLICY_VIOLATION)


def _signed(connection: HTTPConnection) -> SignedRequest:
    path = connection.scope["raw_path"].decode("latin-1")
    query = connection.scope["query_string"].decode("latin-1")
    return SignedRequest(path=f"{path}?{query}" if query else path, signature=connection.headers.get(HEADER, ""))
