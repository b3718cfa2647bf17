"""The desk and all that is behind it, on a real database, and ways to look at and to age what it wrote."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase
from tests.support.customers import Customers

from callgenie.billing.ledger import UsageLedger
from callgenie.billing.models import period_key
from callgenie.billing.service import UsageService
from callgenie.calls.admission import Admission
from callgenie.calls.desk import CallDesk
from callgenie.calls.media_tokens import MediaTokens
from callgenie.calls.models import Admitted, AnsweredCall, IncomingCall, Refused
from callgenie.calls.sweeper import Sweeper
from callgenie.calls.unconfirmed import UnconfirmedMessages
from callgenie.conversations.follow_up_plan import FollowUpPlan
from callgenie.conversations.live_store import LiveCallStore
from callgenie.conversations.message_store import MessageStore
from callgenie.conversations.models import Conversation, Exchange
from callgenie.conversations.reconciliation import Reconciliation
from callgenie.conversations.recording import Recording
from callgenie.conversations.recording_store import RecordingStore
from callgenie.conversations.service import ConversationService
from callgenie.conversations.settlement import Settlement
from callgenie.conversations.store import ConversationStore
from callgenie.conversations.totals_store import TotalsStore
from callgenie.http.pages import CursorSigner
from callgenie.kernel.ids import SessionId, SystemRandomness, UserId
from callgenie.kernel.vocabulary import Carrier, PlanName
from callgenie.numbers.models import NumberWish
from callgenie.numbers.service import NumberPool
from callgenie.numbers.store import NumberStore

Document = dict[str, Any]
CALLER = "+14155550999"
SECRET = b"a secret that is only used in tests"


class SetClock:
    """A clock that stands still until it is set."""

    def __init__(self, now: datetime) -> None:
        self.time = now

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()


@dataclass(frozen=True)
class Office:
    """One worker's desk with its collaborators; several offices on one database are several workers."""

    db: AsyncDatabase[Document]
    customers: Customers
    clock: SetClock
    numbers: NumberPool
    ledger: UsageLedger
    calls: LiveCallStore
    usage: UsageService
    conversations: ConversationService
    tokens: MediaTokens
    desk: CallDesk
    sweeper: Sweeper
    reconciliation: Reconciliation

    async def owner(self, plan: PlanName = PlanName.FREE, *, number: str = "+14155550100") -> UserId:
        user_id = self.customers.add(plan)
        await self.numbers.import_numbers([number])
        await self.numbers.assign(user_id, NumberWish(number=number))
        return user_id

    async def ring(self, session_id: str, *, number: str = "+14155550100") -> Admitted | Refused:
        return await self.desk.ring(incoming(session_id, number))

    async def answered(self, session_id: str, *, number: str = "+14155550100") -> AnsweredCall:
        admitted = await self.ring(session_id, number=number)
        assert isinstance(admitted, Admitted), admitted
        return await self.desk.answer(admitted.session_id, admitted.media_token)

    async def come_back(self, session_id: str) -> AnsweredCall:
        """Answer the rest of a call that is over."""
        earlier = await self.calls.find_call_of_any_user(SessionId(session_id))
        assert earlier is not None
        admitted = await self.desk.come_back(earlier)
        assert isinstance(admitted, Admitted), admitted
        return await self.desk.answer(admitted.session_id, admitted.media_token)

    async def conversation(self, session_id: str) -> Document:
        found = await self.db.conversations.find_one({"sessionId": session_id})
        assert found is not None
        return found

    async def usage_of(self, call: AnsweredCall) -> Document:
        found = await self.db.usage.find_one({"_id": period_key(call.user_id, call.period_start)})
        return found or {}

    async def let_all_leases_run_out(self) -> None:
        """Move every lease and deadline into the past, as an hour without any worker would."""
        past = {"$subtract": ["$$NOW", 1_000]}
        hold = {"k": "$$hold.k", "v": {"$mergeObjects": ["$$hold.v", {"expiresAt": past}]}}
        holds = {"$map": {"input": {"$objectToArray": "$holds"}, "as": "hold", "in": hold}}
        await self.db.usage.update_many(
            {"nextExpiryAt": {"$exists": True}},
            [{"$set": {"holds": {"$arrayToObject": holds}, "nextExpiryAt": past}}],
        )
        await self.db.conversations.update_many(
            {"leaseUntil": {"$exists": True}}, [{"$set": {"leaseUntil": past, "admitBy": past}}]
        )


def incoming(session_id: str, number: str = "+14155550100") -> IncomingCall:
    return IncomingCall(SessionId(session_id), Carrier.TWILIO, CALLER, number, "ringing")


def exchange(session_id: str = "s-1", **fields: Any) -> Exchange:
    given: dict[str, Any] = {"phone_number": CALLER, "user_message": "Hello", "ai_response": "Hi, how can I help?"}
    return Exchange(session_id=SessionId(session_id), **(given | fields))


def open_office(
    db: AsyncDatabase[Document],
    customers: Customers | None = None,
    *,
    max_call_seconds: int = 1_800,
    follow_ups: FollowUpPlan | None = None,
    expect: Callable[[Conversation], None] = lambda _call: None,
) -> Office:
    customers = customers or Customers()
    clock = SetClock(datetime.now(UTC))
    numbers, ledger, calls = NumberPool(NumberStore(db)), UsageLedger(db), LiveCallStore(db, follow_ups)
    usage = UsageService(ledger, customers.terms, clock)
    recording = Recording(
        store=RecordingStore(db, follow_ups),
        settlement=Settlement(ledger, calls),
        ledger=ledger,
        terms=customers.terms,
        usage=usage,
        clock=clock,
    )
    conversations = ConversationService(ConversationStore(db), recording, CursorSigner(SECRET))
    tokens = MediaTokens(SECRET)
    admission = Admission(
        numbers=numbers,
        profiles=customers.profiles,
        terms=customers.terms,
        calls=calls,
        ledger=ledger,
        tokens=tokens,
        clock=clock,
        expect=expect,
    )
    messages = MessageStore(db)
    desk = CallDesk(
        admission=admission,
        profiles=customers.profiles,
        terms=customers.terms,
        calls=calls,
        messages=messages,
        ledger=ledger,
        tokens=tokens,
        randomness=SystemRandomness(),
        max_call_seconds=max_call_seconds,
    )
    sweeper = Sweeper(calls, ledger, recording, UnconfirmedMessages(messages, customers.profiles))
    reconciliation = Reconciliation(ledger, TotalsStore(db))
    return Office(
        db,
        customers,
        clock,
        numbers,
        ledger,
        calls,
        usage,
        conversations,
        tokens,
        desk,
        sweeper,
        reconciliation,
    )
