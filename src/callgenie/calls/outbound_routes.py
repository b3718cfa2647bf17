"""HTTP: a user's calls to somebody."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Final, Self, cast

from fastapi import APIRouter, Depends, Request, Response
from pydantic import AfterValidator, Field, StringConstraints
from starlette.requests import HTTPConnection

from callgenie.calls.outbound import CallWish, OutboundCalls, PlacedCall
from callgenie.calls.outbound_errors import (
    CallNotAdmittedError,
    CarrierRefusedCallError,
    CarrierUnavailableError,
    DoNotCallError,
    NoPhoneNumberError,
    NumberNotCallableError,
    OutboundNotSetUpError,
    OutsideCallingHoursError,
    ServerStoppingError,
)
from callgenie.http.bodies import ApiModel, ApiView
from callgenie.http.idempotency import HEADER
from callgenie.http.problems import problems
from callgenie.kernel.phone import PhoneNumberText
from callgenie.kernel.vocabulary import CallStatus, Direction, EndedReason
from callgenie.users.guards import CallsWriter

router = APIRouter(prefix="/api/user/calls", tags=["outbound calls"])


def _one_line(text: str) -> str:
    if not text.isprintable() or not text.strip():
        raise ValueError("must be one line of text")
    return text.strip()


class CallWishBody(ApiModel):
    """Whom to call and what about."""

    to: PhoneNumberText
    purpose: Annotated[str, StringConstraints(min_length=1, max_length=300), AfterValidator(_one_line)] = Field(
        description='Said as "I am calling about ...", so write "your order of a birthday cake".'
    )


class PlacedCallView(ApiView):
    """A call to somebody, as it stands."""

    session_id: str
    direction: Direction
    status: CallStatus
    phone_number: str | None
    caller_id: str | None = Field(description="The number of yours that the other party sees.")
    purpose: str | None
    started_at: datetime
    ended_reason: EndedReason | None
    certain: bool = Field(description="False while it is not known whether the carrier has taken the call.")

    @classmethod
    def of(cls, placed: PlacedCall) -> Self:
        """Show a call."""
        conversation = placed.conversation
        shown = {name: getattr(conversation, name) for name in cls.model_fields if name != "certain"}
        return cls(**shown, certain=placed.is_certain)


async def get_outbound_calls(connection: HTTPConnection) -> OutboundCalls:
    """Return the service that the program was put together with."""
    return cast("OutboundCalls", connection.app.state.services.outbound_calls)


OutboundCallsDep = Annotated[OutboundCalls, Depends(get_outbound_calls)]
_OTHERS: Final[dict[int | str, dict[str, Any]]] = {
    int(HTTPStatus.OK): {"description": "It was asked for before, under the same idempotency key."},
    int(HTTPStatus.ACCEPTED): {"description": "Asked for; whether the carrier has taken it is not known yet."},
}
_REFUSALS: Final = problems(
    OutboundNotSetUpError,
    NoPhoneNumberError,
    NumberNotCallableError,
    DoNotCallError,
    OutsideCallingHoursError,
    CallNotAdmittedError,
    CarrierRefusedCallError,
    CarrierUnavailableError,
    ServerStoppingError,
)


@router.post("", status_code=HTTPStatus.CREATED, responses=_OTHERS | _REFUSALS)
async def place_call(
    body: CallWishBody, user: CallsWriter, calls: OutboundCallsDep, request: Request, response: Response
) -> PlacedCallView:
    """Let the assistant call somebody and say what it is about. Nobody is dialled twice for one wish.

    A machine needs an API key of scope `calls:write`.
    """
    placed = await calls.place(user.id, CallWish(body.to, body.purpose, request.headers.get(HEADER)))
    response.status_code = _status_of(placed)
    return PlacedCallView.of(placed)


def _status_of(placed: PlacedCall) -> HTTPStatus:
    if not placed.is_new:
        return HTTPStatus.OK
    return HTTPStatus.CREATED if placed.is_certain else HTTPStatus.ACCEPTED
