"""Twilio's REST API, as far as a call needs it: begin one, and end one.

See https://www.twilio.com/docs/voice/api/call-resource and https://www.twilio.com/docs/usage/twilios-response
"""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import httpx
import structlog
from pydantic import SecretStr

_log = structlog.get_logger(__name__)

REQUEST_FAILED: Final = "twilio.request_failed"

BASE_URL: Final = "https://api.twilio.com"

# A call is set up or taken down in well under a second; whoever waits longer has lost the caller's patience anyway.
ANSWER_SECONDS_MAX: Final = 8.0
CONNECT_SECONDS_MAX: Final = 4.0

# What may be repeated is, this often in all, with a pause of about this length that doubles.
ATTEMPTS_MAX: Final = 3
_PAUSE_SECONDS: Final = 0.5

# Twilio's own codes: the call is over and cleared away, or over and still known.
_NOT_FOUND: Final = 20_404
_NOT_IN_PROGRESS: Final = 21_220

_CALLS: Final = "/2010-04-01/Accounts/{account}/Calls"

# Answers are a few hundred bytes; more than this is not Twilio.
_DETAIL_CHARACTERS_MAX: Final = 300


class ApiFailure(StrEnum):
    """What went wrong, and with that what can be done about it."""

    CREDENTIALS = "credentials"
    """The account or its key is wrong: an operator has to act."""
    REFUSED = "refused"
    """Twilio understood and will not do it, whoever asks how often."""
    TOO_MANY = "too_many"
    """Nothing was done; later it will be."""
    UNREACHABLE = "unreachable"
    """Nothing was done, for nothing was sent."""
    UNKNOWN = "unknown"
    """It was sent, and no answer came that says what was made of it."""


class TwilioApiError(Exception):
    """Twilio did not do what was asked, or may have done it: see `failure`. `code` is Twilio's own, if it gave one."""

    def __init__(self, failure: ApiFailure, detail: str, *, code: int | None = None) -> None:
        super().__init__(f"{failure}: {detail}")
        self.failure = failure
        self.detail = detail
        self.code = code

    @property
    def may_have_happened(self) -> bool:
        """Whether it may have been done all the same."""
        return self.failure is ApiFailure.UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class TwilioAccount:
    """Who asks: the account, and either its auth token or an API key with its secret.

    Attributes:
        username: The account's SID, or that of the API key.
    """

    sid: str
    username: str
    password: SecretStr
    base_url: str = BASE_URL


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingCall:
    """A call that Twilio is to place.

    Attributes:
        url: What is asked for TwiML once somebody answers.
        status_callback: What is told how the call fares.
        ring_seconds: How long it may ring.
    """

    to_number: str
    from_number: str
    url: str
    status_callback: str
    ring_seconds: int


class TwilioApi:
    """Asks Twilio for things over HTTP. Close it at the end."""

    def __init__(self, account: TwilioAccount) -> None:
        self._calls = _CALLS.format(account=account.sid)
        self._http = httpx.AsyncClient(
            base_url=account.base_url,
            auth=(account.username, account.password.get_secret_value()),
            timeout=httpx.Timeout(ANSWER_SECONDS_MAX, connect=CONNECT_SECONDS_MAX),
        )

    async def place_call(self, call: OutgoingCall) -> str:
        """Let Twilio call somebody; return the call's SID.

        It is asked again only while it is certain that nothing was done: nothing here dials twice.

        Raises:
            TwilioApiError: Twilio did not, or may have: see `may_have_happened`.
        """
        form: list[tuple[str, str]] = [
            ("To", call.to_number),
            ("From", call.from_number),
            ("Url", call.url),
            ("StatusCallback", call.status_callback),
            *(("StatusCallbackEvent", event) for event in ("initiated", "ringing", "answered", "completed")),
            ("Timeout", str(call.ring_seconds)),
        ]
        answer = await self._ask(f"{self._calls}.json", form, repeatable=False)
        sid = answer.get("sid")
        if not isinstance(sid, str):
            raise TwilioApiError(ApiFailure.UNKNOWN, "the answer names no call")
        return sid

    async def hang_up(self, call_sid: str) -> bool:
        """End a call, whether it rings or goes on; return whether it still did.

        Raises:
            TwilioApiError: Twilio did not, or may have.
        """
        try:
            await self._ask(f"{self._calls}/{call_sid}.json", [("Status", "completed")], repeatable=True)
        except TwilioApiError as error:
            if error.code in {_NOT_FOUND, _NOT_IN_PROGRESS}:
                return False
            raise
        return True

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _ask(self, path: str, form: list[tuple[str, str]], *, repeatable: bool) -> Mapping[str, object]:
        for attempt in range(ATTEMPTS_MAX):
            try:
                return await self._ask_once(path, form)
            except TwilioApiError as error:
                _log.warning(REQUEST_FAILED, failure=error.failure, code=error.code, attempt=attempt + 1)
                passes = error.failure in {ApiFailure.TOO_MANY, ApiFailure.UNREACHABLE}
                if not (passes or (repeatable and error.may_have_happened)) or attempt + 1 == ATTEMPTS_MAX:
                    raise
            # Jitter keeps the calls of a moment from coming back all at once.
            await asyncio.sleep(_PAUSE_SECONDS * 2**attempt * random.uniform(0.75, 1.25))  # noqa: S311 - no secret
        raise AssertionError("the last attempt returns or raises")

    async def _ask_once(self, path: str, form: list[tuple[str, str]]) -> Mapping[str, object]:
        try:
            # A form with a repeated field, which httpx takes as lists.
            answer = await self._http.post(path, data=_as_lists(form))
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise TwilioApiError(ApiFailure.UNREACHABLE, type(error).__name__) from error
        except httpx.HTTPError as error:
            raise TwilioApiError(ApiFailure.UNKNOWN, type(error).__name__) from error
        content = _json_object(answer)
        if not answer.is_success:
            raise _refusal(answer.status_code, content)
        return content


def _as_lists(form: list[tuple[str, str]]) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    for name, value in form:
        fields.setdefault(name, []).append(value)
    return fields


def _json_object(answer: httpx.Response) -> Mapping[str, object]:
    try:
        content = answer.json()
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _refusal(status: int, content: Mapping[str, object]) -> TwilioApiError:
    code = content.get("code")
    detail = str(content.get("message") or f"HTTP {status}")[:_DETAIL_CHARACTERS_MAX]
    return TwilioApiError(_failure(status), detail, code=code if isinstance(code, int) else None)


def _failure(status: int) -> ApiFailure:
    if status in {401, 403}:
        return ApiFailure.CREDENTIALS
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return ApiFailure.TOO_MANY
    # A redirection or a gateway's answer says nothing about what Twilio did.
    return ApiFailure.REFUSED if httpx.codes.is_client_error(status) else ApiFailure.UNKNOWN
