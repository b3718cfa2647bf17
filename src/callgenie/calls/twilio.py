"""Twilio's requests, from the raw bytes to what they mean for a call: who signed them, and what we answer."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, parse_qsl, urlsplit

import structlog
from pydantic import SecretStr

from callgenie.calls.after_stream import AfterStream, NextStream, NoStream, PutThrough
from callgenie.calls.after_transfer import NOBODY_REACHED, AfterTransfer
from callgenie.calls.carrier_errors import WebhookMalformedError, WebhookUnsignedError
from callgenie.calls.desk import CallDesk, is_terminal
from callgenie.calls.live import LiveCalls
from callgenie.calls.media_streams import STREAMS_MAX, MediaStreams, StreamClaim
from callgenie.calls.media_tokens import FIRST_STREAM
from callgenie.calls.models import Admitted, IncomingCall
from callgenie.calls.outbound import SESSION_PARAMETER, OutboundCalls
from callgenie.calls.reception import APOLOGY, RING_SECONDS_MAX, receive
from callgenie.conversations.rests import rest_id_of
from callgenie.kernel.errors import UnavailableError
from callgenie.kernel.ids import SessionId
from callgenie.kernel.phone import is_e164
from callgenie.kernel.vocabulary import Carrier, TransferStatus
from callgenie.telephony.twilio.media import Started
from callgenie.telephony.twilio.signature import is_signed, is_upgrade_signed
from callgenie.telephony.twilio.twiml import Dial, connect_stream, dial, hang_up, say_and_hang_up

_log = structlog.get_logger(__name__)

NEXT_STEP_FAILED: Final = "call.next_step_failed"
OUTCOME_LOST: Final = "call.transfer_outcome_lost"

MEDIA_PATH: Final = "/api/telephony/twilio/media"
STREAM_ENDED_PATH: Final = "/api/telephony/twilio/stream-ended"
TRANSFER_ENDED_PATH: Final = "/api/telephony/twilio/transfer-ended"
TOKEN_PARAMETER: Final = "token"  # noqa: S105 - its name, not its value
STREAM_PARAMETER: Final = "stream"

# Twilio sends some thirty fields.
_FIELDS_MAX: Final = 200
_SID_CHARACTERS_MAX: Final = 64

# No call lasts longer than a day.
_SECONDS_DIGITS_MAX: Final = 5


# Long enough to reach a phone in another room, and to be sent to a mailbox that the owner has chosen for it.
TRANSFER_RINGS_SECONDS: Final = 25
NOBODY_ANSWERED: Final = "I am sorry, nobody could take your call just now. Please try again later. Goodbye."

_NO_OUTCOMES: Final = frozenset({TransferStatus.REQUESTED, TransferStatus.DIALLING})
_OUTCOMES: Final = {status.value: status for status in TransferStatus if status not in _NO_OUTCOMES}


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """What a signature is checked over; `path` holds the query as well, both as they came over the wire."""

    path: str
    signature: str


class TwilioCalls:
    """Trusts only what Twilio signed, for the public address that was configured."""

    def __init__(
        self,
        desk: CallDesk,
        live: LiveCalls,
        streams: MediaStreams,
        after_stream: AfterStream,
        after_transfer: AfterTransfer,
        outbound: OutboundCalls,
        *,
        public_url: str,
        auth_token: SecretStr | None,
    ) -> None:
        self._desk = desk
        self._live = live
        self._streams = streams
        self._after_stream = after_stream
        self._after_transfer = after_transfer
        self._outbound = outbound
        self._public_url = public_url.rstrip("/")
        self._auth_token = auth_token

    async def ring(self, request: SignedRequest, body: bytes) -> str:
        """Return the TwiML for a call that rings; whatever goes wrong behind the signature is told to the caller.

        Raises:
            WebhookUnsignedError: Nobody with the auth token has sent this.
            WebhookMalformedError: It is signed, and does not say which call rings.
        """
        form = self._trusted(request, body)
        call = IncomingCall(
            session_id=SessionId(_leg(form)),
            carrier=Carrier.TWILIO,
            from_number=_number_or_none(form.get("From", "")),
            to_number=form.get("To", ""),
            carrier_status=form.get("CallStatus", ""),
        )
        answer = await receive(call, self._desk, self._live)
        if isinstance(answer, Admitted):
            return self._connect(NextStream(FIRST_STREAM, answer.media_token))
        return say_and_hang_up(answer.sentence)

    async def picked_up(self, request: SignedRequest, body: bytes) -> str:
        """Return the TwiML for somebody who has answered a call of ours.

        Raises:
            WebhookUnsignedError: Nobody with the auth token has sent this.
            WebhookMalformedError: It is signed, and does not say which call it is about.
        """
        form = self._trusted(request, body)
        session_id, leg = _session_of(request, form), _leg(form)
        try:
            async with asyncio.timeout(RING_SECONDS_MAX):
                admitted = await self._outbound.picked_up(session_id, leg)
        except (UnavailableError, TimeoutError) as error:
            _log.warning(NEXT_STEP_FAILED, session_id=session_id, error=type(error).__name__)
            return hang_up()
        if admitted is None:
            return hang_up()
        return self._connect(NextStream(FIRST_STREAM, admitted.media_token), session_id)

    async def stream_ended(self, request: SignedRequest, body: bytes) -> str:
        """Return the TwiML for a caller whose media stream has ended: another stream, or the end.

        Raises:
            WebhookUnsignedError: Nobody with the auth token has sent this.
            WebhookMalformedError: It is signed, and does not say which call it is about.
        """
        session_id = _session_of(request, self._trusted(request, body))
        ours = session_id if _names_session(request) else None
        try:
            async with asyncio.timeout(RING_SECONDS_MAX):
                step = await self._after_stream.next_step(session_id, _stream_of(request))
        except (UnavailableError, TimeoutError) as error:
            _log.warning(NEXT_STEP_FAILED, session_id=session_id, error=type(error).__name__)
            return hang_up()
        if isinstance(step, NextStream):
            return self._connect(step, ours)
        if isinstance(step, PutThrough):
            action = self._public_url + TRANSFER_ENDED_PATH + (f"?{SESSION_PARAMETER}={ours}" if ours else "")
            return dial(Dial(step.to, action, TRANSFER_RINGS_SECONDS, step.caller_id or ""))
        return say_and_hang_up(APOLOGY) if step is NoStream.GIVEN_UP else hang_up()

    async def transfer_ended(self, request: SignedRequest, body: bytes) -> str:
        """Note what came of a transfer, and return the TwiML for a caller who is still there.

        Whom nobody has answered comes back to the assistant, or hears why not.

        Raises:
            WebhookUnsignedError: Nobody with the auth token has sent this.
            WebhookMalformedError: It is signed, and does not say which call it is about.
        """
        form = self._trusted(request, body)
        outcome = _OUTCOMES.get(form.get("DialCallStatus", ""), TransferStatus.FAILED)
        session_id, seconds = _session_of(request, form), _seconds(form.get("DialCallDuration", ""))
        is_there = outcome in NOBODY_REACHED and not is_terminal(form.get("CallStatus", ""))
        back: Admitted | None = None
        try:
            async with asyncio.timeout(RING_SECONDS_MAX):
                call = await self._after_transfer.note(session_id, outcome, seconds)
                if call is not None and is_there:
                    back = await self._after_transfer.come_back(call)
        except (UnavailableError, TimeoutError) as error:
            # The caller is still there, and comes first.
            _log.warning(OUTCOME_LOST, session_id=session_id, outcome=outcome, error=type(error).__name__)
        if back is not None:
            return self._connect(NextStream(FIRST_STREAM, back.media_token), back.session_id)
        return say_and_hang_up(NOBODY_ANSWERED) if outcome in NOBODY_REACHED else hang_up()

    async def note_status(self, request: SignedRequest, body: bytes) -> None:
        """Take a status callback; they repeat, and come in any order.

        Raises:
            WebhookUnsignedError: Nobody with the auth token has sent this.
            WebhookMalformedError: It is signed, and does not say which call it is about.
        """
        form = self._trusted(request, body)
        session_id, carrier_status = _session_of(request, form), form.get("CallStatus", "")
        if _names_session(request) and await self._outbound.note_leg(session_id, _leg(form)) is None:
            return
        if is_terminal(carrier_status):
            self._streams.call_is_over(session_id)
            self._streams.call_is_over(rest_id_of(session_id))
        await self._desk.carrier_reported(session_id, carrier_status)

    def is_upgrade_trusted(self, request: SignedRequest) -> bool:
        """Tell whether Twilio signed this upgrade to a web socket."""
        if self._auth_token is None:
            return False
        token = self._auth_token.get_secret_value()
        return is_upgrade_signed(token, request.signature, self._socket_url(request.path))

    def _trusted(self, request: SignedRequest, body: bytes) -> Mapping[str, str]:
        """Return the form's fields; of a field that came twice, the first."""
        if self._auth_token is None:
            raise WebhookUnsignedError
        try:
            pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_FIELDS_MAX)
        except ValueError as error:
            raise WebhookUnsignedError from error
        token = self._auth_token.get_secret_value()
        if not is_signed(token, request.signature, self._public_url + request.path, pairs):
            raise WebhookUnsignedError
        return dict(reversed(pairs))

    def _connect(self, next_stream: NextStream, session_id: SessionId | None = None) -> str:
        """Return the TwiML that opens a media stream; `session_id` is given where the carrier does not know it."""
        parameters = {TOKEN_PARAMETER: next_stream.token, STREAM_PARAMETER: str(next_stream.stream)}
        action = f"{self._public_url}{STREAM_ENDED_PATH}?{STREAM_PARAMETER}={next_stream.stream}"
        if session_id is not None:
            parameters[SESSION_PARAMETER] = session_id
            action += f"&{SESSION_PARAMETER}={session_id}"
        return connect_stream(self._socket_url(MEDIA_PATH), parameters, action=action)

    def _socket_url(self, path: str) -> str:
        # https becomes wss, and http becomes ws.
        return "ws" + self._public_url.removeprefix("http") + path


def _leg(form: Mapping[str, str]) -> str:
    return _identifier(form.get("CallSid", ""))


def _identifier(text: str) -> str:
    if not (text.isascii() and text.isalnum() and len(text) <= _SID_CHARACTERS_MAX):
        raise WebhookMalformedError
    return text


def _in_address(request: SignedRequest, name: str) -> str:
    """Return what we have written into the address that is asked; the signature covers it."""
    values = parse_qs(urlsplit(request.path).query).get(name, [])
    return values[0] if values else ""


def _names_session(request: SignedRequest) -> bool:
    return bool(_in_address(request, SESSION_PARAMETER))


def _session_of(request: SignedRequest, form: Mapping[str, str]) -> SessionId:
    """Return whose call it is: what the address says, or else the carrier's own name of it."""
    return SessionId(_identifier(_in_address(request, SESSION_PARAMETER) or _leg(form)))


def _stream_of(request: SignedRequest) -> int:
    return _stream_number(_in_address(request, STREAM_PARAMETER))


def claim_of(started: Started) -> StreamClaim:
    """Return what a stream that has started says of itself."""
    given = started.parameters
    return StreamClaim(
        session_id=SessionId(given.get(SESSION_PARAMETER, started.call_sid)),
        leg=started.call_sid,
        stream=_stream_number(given.get(STREAM_PARAMETER, str(FIRST_STREAM))),
        token=given.get(TOKEN_PARAMETER, ""),
    )


def _stream_number(text: str) -> int:
    """Return the number of a stream as we had written it; what we cannot have written is past the last."""
    if not (text.isascii() and text.isdigit() and len(text) == len(str(STREAMS_MAX))):
        return STREAMS_MAX
    return int(text)


def _seconds(text: str) -> int:
    """Return a duration as the carrier writes it; where it writes none, nobody talked."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _SECONDS_DIGITS_MAX else 0


def _number_or_none(text: str) -> str | None:
    # Withheld numbers come as words, and internet calls as addresses.
    return text if is_e164(text) else None
