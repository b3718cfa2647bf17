"""Twilio's requests, from the raw bytes to what they mean for a call: who signed them, and what we answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from pydantic import SecretStr

from callgenie.calls.desk import CallDesk
from callgenie.calls.live import LiveCalls
from callgenie.calls.models import Admitted, IncomingCall
from callgenie.calls.reception import receive
from callgenie.calls.webhook_errors import WebhookMalformedError, WebhookUnsignedError
from callgenie.kernel.ids import SessionId
from callgenie.kernel.phone import is_e164
from callgenie.kernel.vocabulary import Carrier
from callgenie.telephony.twilio.signature import is_signed, is_upgrade_signed
from callgenie.telephony.twilio.twiml import connect_stream, say_and_hang_up

MEDIA_PATH: Final = "/api/telephony/twilio/media"
TOKEN_PARAMETER: Final = "token"  # noqa: S105 - its name, not its value

# Twilio sends some thirty fields.
_FIELDS_MAX: Final = 200
_SID_CHARACTERS_MAX: Final = 64


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """What a signature is checked over; `path` holds the query as well, both as they came over the wire."""

    path: str
    signature: str


class TwilioWebhooks:
    """Trusts only what Twilio signed, for the public address that was configured."""

    def __init__(self, desk: CallDesk, live: LiveCalls, *, public_url: str, auth_token: SecretStr | None) -> None:
        self._desk = desk
        self._live = live
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
            session_id=_session_id(form),
            carrier=Carrier.TWILIO,
            from_number=_number_or_none(form.get("From", "")),
            to_number=form.get("To", ""),
            carrier_status=form.get("CallStatus", ""),
        )
        answer = await receive(call, self._desk, self._live)
        if isinstance(answer, Admitted):
            return connect_stream(self._socket_url(MEDIA_PATH), {TOKEN_PARAMETER: answer.media_token})
        return say_and_hang_up(answer.sentence)

    async def note_status(self, request: SignedRequest, body: bytes) -> None:
        """Take a status callback; they repeat, and come in any order.

        Raises:
            WebhookUnsignedError: Nobody with the auth token has sent this.
            WebhookMalformedError: It is signed, and does not say which call it is about.
        """
        form = self._trusted(request, body)
        await self._desk.carrier_reported(_session_id(form), form.get("CallStatus", ""))

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

    def _socket_url(self, path: str) -> str:
        # https becomes wss, and http becomes ws.
        return "ws" + self._public_url.removeprefix("http") + path


def _session_id(form: Mapping[str, str]) -> SessionId:
    sid = form.get("CallSid", "")
    if not (sid.isascii() and sid.isalnum() and len(sid) <= _SID_CHARACTERS_MAX):
        raise WebhookMalformedError
    return SessionId(sid)


def _number_or_none(text: str) -> str | None:
    # Withheld numbers come as words, and internet calls as addresses.
    return text if is_e164(text) else None
