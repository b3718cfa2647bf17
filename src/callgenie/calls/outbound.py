"""Calls that we place: asked for by an owner, admitted and metered like any other, and dialled at most once.

The conversation comes first, under a session id of our own. The carrier is told that id in every address it is given,
so whatever it reports finds the record, also when its answer to the order got lost.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol
from zoneinfo import ZoneInfo

import phonenumbers
import structlog

from callgenie.billing.ledger import UsageLedger
from callgenie.billing.models import Granted, RefusalReason
from callgenie.billing.terms import Terms, TermsReader
from callgenie.calls.admission import ENDINGS, Profiles
from callgenie.calls.calling_hours import may_call, next_moment, zones_of
from callgenie.calls.carrier_legs import CarrierLegs
from callgenie.calls.live import LiveCalls
from callgenie.calls.media_tokens import MediaTokens
from callgenie.calls.models import Admitted
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
from callgenie.conversations.live_store import LiveCallStore
from callgenie.conversations.models import Conversation, Ending, NewCall
from callgenie.conversations.outbound_store import OutboundCallStore
from callgenie.conversations.settlement import Settlement
from callgenie.kernel.clock import Clock
from callgenie.kernel.errors import UnavailableError
from callgenie.kernel.ids import Randomness, SessionId, UserId
from callgenie.kernel.vocabulary import CallStatus, Carrier, Direction, EndedReason, Fault
from callgenie.numbers.do_not_call import DoNotCallList
from callgenie.numbers.service import NumberPool
from callgenie.profiles.models import Business
from callgenie.telephony.twilio.rest import ApiFailure, OutgoingCall, TwilioApiError

_log = structlog.get_logger(__name__)

CALL_PLACED: Final = "call.placed"
CALL_PERHAPS_PLACED: Final = "call.perhaps_placed"
CALL_NOT_PLACED: Final = "call.not_placed"
SECOND_LEG: Final = "call.second_leg"

OUTBOUND_PATH: Final = "/api/telephony/twilio/outbound"
STATUS_PATH: Final = "/api/telephony/twilio/status"
SESSION_PARAMETER: Final = "session"

# The record waits for an answer for a minute from the first moment on; ringing has to end before.
RINGS_SECONDS: Final = 40

_ID_BYTES: Final = 16
_DIAL_FAILED: Final = Ending(CallStatus.FAILED, EndedReason.DIAL_FAILED, Fault.PROVIDER)
_NOT_CALLED: Final = frozenset({phonenumbers.PhoneNumberType.PREMIUM_RATE, phonenumbers.PhoneNumberType.SHARED_COST})


@dataclass(frozen=True, slots=True)
class CallWish:
    """Whom to call and what about; `request_key` is the same when the same wish is sent again."""

    to_number: str
    purpose: str
    request_key: str | None = None


@dataclass(frozen=True, slots=True)
class PlacedCall:
    """A call that rings or did. `is_certain` is false while nobody knows whether the carrier has taken it."""

    conversation: Conversation
    is_new: bool = False
    is_certain: bool = True


class CallPlacer(Protocol):
    """Where a carrier is asked to place calls."""

    async def place_call(self, call: OutgoingCall) -> str:
        """Have somebody called; return the carrier's name of the call.

        Raises:
            TwilioApiError: It was not done, or may have been.
        """
        ...


class OutboundCalls:
    """Places calls through a carrier's API; without one it refuses."""

    def __init__(
        self,
        *,
        api: CallPlacer | None,
        public_url: str,
        numbers: NumberPool,
        do_not_call: DoNotCallList,
        profiles: Profiles,
        terms: TermsReader,
        calls: LiveCallStore,
        store: OutboundCallStore,
        ledger: UsageLedger,
        legs: CarrierLegs,
        live: LiveCalls,
        tokens: MediaTokens,
        clock: Clock,
        randomness: Randomness,
        expect: Callable[[Conversation], None] = lambda _call: None,
    ) -> None:
        """`expect` is told of every call that was placed; it must be quick."""
        self._api = api
        self._public_url = public_url.rstrip("/")
        self._numbers = numbers
        self._do_not_call = do_not_call
        self._profiles = profiles
        self._terms = terms
        self._calls = calls
        self._store = store
        self._ledger = ledger
        self._settlement = Settlement(ledger, calls)
        self._legs = legs
        self._live = live
        self._tokens = tokens
        self._clock = clock
        self._randomness = randomness
        self._expect = expect

    async def place(self, user_id: UserId, wish: CallWish) -> PlacedCall:
        """Call somebody; the same wish again is the same call.

        Raises:
            OutboundNotSetUpError: This server has no carrier to ask.
            ServerStoppingError: It is about to stop.
            NoPhoneNumberError: The user has no number to call from.
            NumberNotCallableError: It is the user's own number, no number, or one with a premium rate.
            DoNotCallError: The user has listed it.
            OutsideCallingHoursError: It is too early or too late there.
            CallNotAdmittedError: The plan or the account allows no call now.
            CarrierRefusedCallError: The carrier will not place it.
            CarrierUnavailableError: The carrier cannot be asked now.
            UnavailableError: The database is away.
        """
        if self._api is None:
            raise OutboundNotSetUpError
        if self._live.is_draining:
            raise ServerStoppingError
        session_id = self._session_id(user_id, wish)
        if wish.request_key is not None:
            before = await self._calls.get(user_id, session_id)
            if before is not None and before.status is not CallStatus.RINGING:
                return PlacedCall(before)
        caller_id = await self._caller_id(user_id, wish)
        terms = await self._terms.of(user_id)
        conversation = await self._open(terms, session_id, caller_id, wish)
        refusal = terms.barred or await self._ask_ledger(terms, conversation)
        if refusal is not None:
            await self._calls.dismiss(user_id, session_id, ENDINGS[refusal], may_hold=False)
            raise CallNotAdmittedError(refusal)
        return await self._dial(self._api, conversation, wish)

    async def picked_up(self, session_id: SessionId, leg: str) -> Admitted | None:
        """Take from the carrier that somebody has answered; None when nobody is to talk to them any more.

        Raises:
            UnavailableError: The database is away.
        """
        call = await self.note_leg(session_id, leg)
        if call is None or not call.is_live or self._live.is_draining:
            return None
        return Admitted(session_id, self._tokens.of(session_id))

    async def note_leg(self, session_id: SessionId, leg: str) -> Conversation | None:
        """Learn the carrier's name of a call from the carrier itself; return the call.

        None when there is no such call, or when the carrier has placed it twice and this is not the one that counts.

        Raises:
            UnavailableError: The database is away.
        """
        found = await self._calls.find_call_of_any_user(session_id)
        call = None if found is None else await self._store.note_leg(found.user_id, session_id, leg)
        if call is not None and call.leg != leg:
            _log.warning(SECOND_LEG, session_id=session_id)
            return None
        return call

    # Whether

    async def _caller_id(self, user_id: UserId, wish: CallWish) -> str:
        """Return the number to call from, once nothing speaks against the call."""
        own = await self._numbers.number_of(user_id)
        if own is None:
            raise NoPhoneNumberError
        if wish.to_number == own.number or not _is_callable(wish.to_number):
            raise NumberNotCallableError
        if await self._do_not_call.holds(user_id, wish.to_number):
            raise DoNotCallError
        self._mind_the_hours((await self._profiles.get(user_id)).business, wish.to_number)
        return own.number

    def _mind_the_hours(self, business: Business, number: str) -> None:
        now = self._clock.now()
        zones = zones_of(number, now) or (ZoneInfo(business.timezone),)
        if not may_call(zones, business.calling_hours, now):
            raise OutsideCallingHoursError(next_moment(zones, business.calling_hours, now))

    async def _open(self, terms: Terms, session_id: SessionId, caller_id: str, wish: CallWish) -> Conversation:
        """Step 1, as for a call that comes in."""
        call = NewCall(
            session_id,
            Carrier.TWILIO,
            wish.to_number,
            wish.to_number,
            direction=Direction.OUTBOUND,
            caller_id=caller_id,
            purpose=wish.purpose,
        )
        return await self._calls.open(terms.user_id, call, terms.period_at(self._clock.now()).start)

    async def _ask_ledger(self, terms: Terms, conversation: Conversation) -> RefusalReason | None:
        """Step 2."""
        deadline = conversation.admit_by or conversation.started_at
        answer = await self._ledger.admit(conversation.metered, terms.plan, admit_by=deadline)
        return None if isinstance(answer, Granted) else answer.reason

    # Dialling

    async def _dial(self, api: CallPlacer, conversation: Conversation, wish: CallWish) -> PlacedCall:
        user_id, session_id = conversation.user_id, conversation.session_id
        if not await self._store.claim(user_id, session_id, self._randomness.token_bytes(_ID_BYTES).hex()):
            # Somebody has it placed already, or it is over: the same wish, sent twice at once.
            return PlacedCall(await self._calls.get(user_id, session_id) or conversation)
        try:
            leg = await api.place_call(self._order(conversation, wish))
        except TwilioApiError as error:
            if error.may_have_happened:
                # The carrier's callbacks tell. Without any the record ends by itself within a minute.
                _log.warning(CALL_PERHAPS_PLACED, session_id=session_id, user_id=user_id)
                return PlacedCall(conversation, is_new=True, is_certain=False)
            await self._fail(conversation, error)
            raise _refusal(error) from error
        _log.info(CALL_PLACED, session_id=session_id, user_id=user_id, leg=leg)
        self._expect(conversation)
        return PlacedCall(await self._keep_leg(conversation, leg), is_new=True)

    def _order(self, conversation: Conversation, wish: CallWish) -> OutgoingCall:
        about = f"?{SESSION_PARAMETER}={conversation.session_id}"
        return OutgoingCall(
            to_number=wish.to_number,
            from_number=conversation.caller_id or "",
            url=self._public_url + OUTBOUND_PATH + about,
            status_callback=self._public_url + STATUS_PATH + about,
            ring_seconds=RINGS_SECONDS,
        )

    async def _keep_leg(self, conversation: Conversation, leg: str) -> Conversation:
        try:
            noted = await self._store.note_leg(conversation.user_id, conversation.session_id, leg)
        except UnavailableError:
            # It rings. The carrier's first callback tells its name again.
            return conversation
        if noted is None or not noted.is_live:
            # Hung up by its owner while the carrier was being asked.
            await self._legs.end(leg)
        return noted or conversation

    async def _fail(self, conversation: Conversation, error: TwilioApiError) -> None:
        user_id, session_id = conversation.user_id, conversation.session_id
        _log.warning(CALL_NOT_PLACED, session_id=session_id, user_id=user_id, failure=error.failure, code=error.code)
        failed = await self._calls.dismiss(user_id, session_id, _DIAL_FAILED, may_hold=True)
        if failed is not None:
            await self._settlement.settle(failed)

    def _session_id(self, user_id: UserId, wish: CallWish) -> SessionId:
        if wish.request_key is None:
            return SessionId("OC" + self._randomness.token_bytes(_ID_BYTES).hex())
        # Sent again after a crash of ours, the same wish finds what the first one has left.
        name = f"{user_id}\n{wish.request_key}".encode("utf-8", "surrogatepass")
        return SessionId("OC" + hashlib.sha256(name).digest()[:_ID_BYTES].hex())


def _is_callable(number: str) -> bool:
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return False
    return phonenumbers.is_possible_number(parsed) and phonenumbers.number_type(parsed) not in _NOT_CALLED


def _refusal(error: TwilioApiError) -> CarrierRefusedCallError | CarrierUnavailableError:
    return CarrierRefusedCallError(error.detail) if error.failure is ApiFailure.REFUSED else CarrierUnavailableError()
