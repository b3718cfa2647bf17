"""Exotel's requests: whether they show the secret, and what they mean for a call.

No webhook comes before the socket. A call rings, is admitted and answered when its stream starts, and what would be
told to the caller in another carrier's document is spoken over the stream.
"""

from dataclasses import dataclass, replace
from typing import Final

import structlog
from pydantic import SecretStr

from callgenie.calls.carrier_errors import SecretNotShownError, WebhookMalformedError
from callgenie.calls.desk import CallDesk
from callgenie.calls.errors import CallNotWaitingError
from callgenie.calls.live import LiveCalls
from callgenie.calls.models import AnsweredCall, IncomingCall, Refused
from callgenie.calls.reception import APOLOGY, receive
from callgenie.kernel.errors import UnavailableError
from callgenie.kernel.ids import SessionId
from callgenie.kernel.vocabulary import Carrier
from callgenie.telephony.exotel.link import ExotelLink
from callgenie.telephony.exotel.messages import Started
from callgenie.telephony.exotel.numbers import e164_of
from callgenie.telephony.exotel.secret import is_shown
from callgenie.telephony.exotel.status import read_status
from callgenie.telephony.messages import CarrierProtocolError

_log = structlog.get_logger(__name__)

ANSWER_FAILED: Final = "call.answer_failed"

# Exotel ends a stream after an hour; a call that is told so a minute before ends with a goodbye.
STREAM_SECONDS_MAX: Final = 3_540


@dataclass(frozen=True, slots=True)
class Shown:
    """Where a request may show the secret."""

    authorization: str
    query: str


class ExotelCalls:
    """Trusts only who shows the secret that was configured."""

    def __init__(self, desk: CallDesk, live: LiveCalls, *, secret: SecretStr | None, country_code: str) -> None:
        self._desk = desk
        self._live = live
        self._secret = secret
        self._country_code = country_code

    def trusts(self, shown: Shown) -> bool:
        """Tell whether a request shows the secret; without one, none does."""
        if self._secret is None:
            return False
        return is_shown(self._secret.get_secret_value(), authorization=shown.authorization, query=shown.query)

    async def hold(self, started: Started, link: ExotelLink) -> None:
        """Take a call whose stream has started to its end; one that may not be answered is told why.

        Raises:
            CallNotWaitingError: This very call has a stream already.
        """
        call = IncomingCall(
            session_id=SessionId(started.call_sid),
            carrier=Carrier.EXOTEL,
            from_number=e164_of(started.from_number, self._country_code),
            to_number=e164_of(started.to_number, self._country_code) or started.to_number,
            carrier_status="in-progress",
        )
        answered = await self._answer(call)
        if isinstance(answered, AnsweredCall):
            limits = replace(answered.limits, max_seconds=min(answered.limits.max_seconds, STREAM_SECONDS_MAX))
            await self._live.run(replace(answered, limits=limits), link, lead_ms=link.lead_ms)
        else:
            await self._live.turn_away(link, answered, lead_ms=link.lead_ms)

    async def note_status(self, shown: Shown, body: bytes, content_type: str) -> None:
        """Take a status callback; they repeat, and come in any order.

        Raises:
            SecretNotShownError: It does not show the secret.
            WebhookMalformedError: It does not say which call it is about.
        """
        if not self.trusts(shown):
            raise SecretNotShownError
        try:
            report = read_status(body, content_type)
        except CarrierProtocolError as error:
            raise WebhookMalformedError from error
        await self._desk.carrier_reported(SessionId(report.call_sid), report.status)

    async def _answer(self, call: IncomingCall) -> AnsweredCall | str:
        """Return the answered call, or what to say to its caller."""
        answer = await receive(call, self._desk, self._live)
        if isinstance(answer, Refused):
            return answer.sentence
        try:
            return await self._desk.answer(answer.session_id, answer.media_token)
        except CallNotWaitingError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it was, the caller hears a sentence
            if not isinstance(error, UnavailableError):
                _log.exception(ANSWER_FAILED, session_id=call.session_id)
            return APOLOGY
