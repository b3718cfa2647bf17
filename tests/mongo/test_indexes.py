"""Every query of the product goes by an index: what the stores really send is explained, not what we think."""

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from callgenie.calls.memory import CallerMemory
from callgenie.calls.models import Admitted, IncomingCall
from callgenie.conversations.caller_store import CallerStore
from callgenie.conversations.models import ConversationFilters, Exchange, NewMessage
from callgenie.conversations.ongoing_store import OngoingCallStore
from callgenie.conversations.unanswered.models import Asking
from callgenie.conversations.unanswered.store import UnansweredQuestionStore
from callgenie.kernel.clock import SystemClock
from callgenie.kernel.ids import SessionId, SystemRandomness, UserId
from callgenie.kernel.secret_file import Secrets
from callgenie.kernel.vocabulary import CallStatus, Carrier, EndedReason, Fault, Outcome, TurnRole
from callgenie.mongo.client import Database, connect
from callgenie.mongo.schema import COLLECTIONS
from callgenie.numbers.models import NumberWish
from callgenie.settings import Settings
from callgenie.voice.providers.scripted import scripted_providers
from callgenie.voice.turn import Turn
from callgenie.webhooks.models import EndpointFields, EventType
from callgenie.wiring.records import build_records
from callgenie.wiring.services import Services, build_services

Db = AsyncDatabase[dict[str, Any]]

EXPLAINED = ("find", "findAndModify", "update", "delete", "aggregate", "count", "distinct")
NUMBER = "+14155550100"


class Sent(CommandListener):
    """Keeps the queries that were sent, in the form that `explain` takes."""

    def __init__(self) -> None:
        self.queries: list[dict[str, Any]] = []

    def started(self, event: CommandStartedEvent) -> None:
        if event.command_name in EXPLAINED and event.database_name == "callgenie":
            extra = {"lsid", "$db", "$clusterTime", "txnNumber", "writeConcern", "readConcern", "maxTimeMS"}
            if "$changeStream" in str(event.command.get("pipeline")):
                return  # follows what is written; there is nothing that it could go by
            query = {name: value for name, value in event.command.items() if name not in extra}
            # Writes are explained one by one.
            batch = "updates" if "updates" in query else "deletes"
            self.queries += [query | {batch: [write]} for write in query[batch]] if batch in query else [query]

    def succeeded(self, event: CommandSucceededEvent) -> None:
        del event

    def failed(self, event: CommandFailedEvent) -> None:
        del event


def values(key: str, plan: Any) -> Iterator[str]:
    """Yield every text under `key`, wherever the server puts it, except in plans that were not chosen."""
    if isinstance(plan, dict):
        if isinstance(plan.get(key), str):
            yield plan[key]
        for name, part in plan.items():
            if name != "rejectedPlans":
                yield from values(key, part)
    elif isinstance(plan, list):
        for part in plan:
            yield from values(key, part)


def stages(plan: Any) -> Iterator[str]:
    """Return the names of every stage of the winning plan."""
    return values("stage", plan)


async def explain(db: Db, query: dict[str, Any]) -> list[str]:
    """Return the stages that the query, write or pipeline takes."""
    answer = await db.command({"explain": query, "verbosity": "queryPlanner"})
    return list(stages({name: part for name, part in answer.items() if name != "command"}))


@asynccontextmanager
async def services_on(database: Database, data_dir: Path) -> AsyncIterator[Services]:
    settings = Settings(_env_file=None, data_dir=data_dir, bcrypt_cost=4, webhook_allowed_hosts=("localhost",))
    secrets = Secrets("j" * 32, "p" * 32)
    records = build_records(settings, database, secrets, clock=SystemClock(), randomness=SystemRandomness())
    try:
        yield build_services(records, secrets, scripted_providers((), {}), own_url="http://127.0.0.1")
    finally:
        records.passwords.close()


async def live_the_life_of_a_customer(services: Services) -> None:
    """Do everything once that a customer, a caller or a carrier can make the product do."""
    await services.numbers.import_numbers([NUMBER, "+14155550101"])
    user, profile = await services.sign_up.register(
        email="owner@example.com", password="a long enough phrase", name="Owner", phone="+14155550199"
    )
    tokens = await services.sessions.log_in("owner@example.com", "a long enough phrase")
    signed_in = await services.sessions.authenticate(tokens.access_token)
    await services.sessions.refresh(tokens.refresh_token)
    await services.profiles.update_business(user.id, {"company": "Bakery"})
    await services.numbers.assign(user.id, NumberWish())
    await services.numbers.number_of(user.id)
    await services.usage.check(user.id)
    rung = await services.desk.ring(IncomingCall(SessionId("CA1"), Carrier.TWILIO, "+14155550198", NUMBER, "ringing"))
    assert isinstance(rung, Admitted), rung
    call = await services.desk.answer(SessionId("CA1"), rung.media_token)
    await services.desk.beat(call, 1.0)
    assert len((await services.ongoing_calls.page(user.id)).items) == 1
    assert not await services.ongoing_calls.hang_up(user.id, SessionId("CA1"))
    async with aclosing(OngoingCallStore(services.database.db).follow_hang_ups_of_any_user()) as asked_for:
        assert await anext(asked_for) == "CA1"
    await services.desk.save_turn(call, 1, Turn(TurnRole.USER, "When are you open?", 0, 900), 2.0)
    await services.desk.keep_message(call, NewMessage("Please call me back."))
    asked = await services.assistant_by_text.ask(user.id, "When are you open?")
    await services.assistant_by_text.ask(user.id, "And tomorrow?", asked.conversation_id)
    await services.desk.save_turn(call, 2, Turn(TurnRole.ASSISTANT, "No idea.", 1, 2, outcome=Outcome.PASSED_ON), 3.0)
    assert await services.desk.request_transfer(call, "+14155550177")
    await services.follow_ups.work()
    await services.delivery.deliver()
    await services.desk.carrier_reported(SessionId("CA1"), "in-progress")
    await services.desk.end(call, reason=EndedReason.CALLER_HANGUP, fault=Fault.NONE, elapsed_seconds=3.0)
    await services.follow_ups.work()
    await have_questions_listed(services, user.id)
    for number in range(3):
        await services.conversations.save_exchange(user.id, completed(f"api{number}"))
    await services.conversations.get(user.id, SessionId("CA1"))
    await CallerMemory(CallerStore(services.database.db)).recall(call, datetime.now(UTC))
    for filters in FILTERS:
        first = await services.conversations.page(user.id, filters, limit=1)
        if first.next_cursor is not None:
            await services.conversations.page(user.id, filters, cursor=first.next_cursor, limit=1)
    for whole in (True, False):
        assert [each async for each in services.conversations.stream(user.id, whole=whole)]
    await services.daily_usage.last_days(user.id, 31)
    await have_it_told(services, user.id)
    await services.analyses.work()
    await services.model_analyses.work()
    await services.conversations.delete(user.id, SessionId("api0"))
    await services.sweeper.sweep()
    await services.numbers.release(user.id)
    await services.sessions.end(signed_in.session_id)
    assert profile.user_id == user.id
    assert [piece async for piece in services.account_export.stream(user.id)]
    await services.erasures.request(user, "a long enough phrase")
    await services.erasures.carry_on(user.id)
    await services.erasures.round()


def completed(session_id: str) -> Exchange:
    return Exchange(
        session_id=SessionId(session_id),
        phone_number="+14155550197",
        user_message="Hello SAATHI",
        ai_response="Hello! How can I help?",
        duration=30,
        status=CallStatus.COMPLETED,
    )


async def have_questions_listed(services: Services, user_id: UserId) -> None:
    """Do everything once that can be done with unanswered questions; one is listed already."""
    store = UnansweredQuestionStore(services.database.db)
    await store.add(user_id, Asking(SessionId("CA2"), 1, datetime.now(UTC), "Why?"))
    first = await services.unanswered_questions.page(user_id, limit=1)
    await services.unanswered_questions.page(user_id, cursor=first.next_cursor, limit=1)
    await services.unanswered_questions.delete(user_id, first.items[0].id)
    await store.forget(user_id, SessionId("CA1"))


async def have_it_told(services: Services, user_id: UserId) -> None:
    """Do everything once that can be done with webhooks; nobody listens at the address."""
    webhooks, fields = services.webhooks, EndpointFields("https://localhost:1/", tuple(EventType))
    endpoint, _ = await webhooks.create(user_id, fields)
    await webhooks.change(endpoint, fields, enabled=True)
    await webhooks.rotate(user_id, endpoint.id)
    delivery = await webhooks.test(user_id, endpoint.id)
    await services.conversations.save_exchange(user_id, completed("told"))
    await services.follow_ups.work()
    await services.webhook_room.sender.deliver()
    await services.webhook_room.sender.oldest_due_seconds()
    await services.follow_ups.oldest_seconds()
    assert (await webhooks.deliveries(user_id, endpoint.id, limit=1)).next_cursor is not None
    await webhooks.send_again(user_id, endpoint.id, delivery.id)
    assert await webhooks.list(user_id)
    await webhooks.delete(user_id, endpoint.id)


NOW = datetime(2026, 1, 1, tzinfo=UTC)
FILTERS = (
    ConversationFilters(),
    ConversationFilters(status=CallStatus.COMPLETED),
    ConversationFilters(phone_number="+14155550197"),
    ConversationFilters(started_from=NOW, started_before=NOW + timedelta(days=36_500)),
    ConversationFilters(ended_reason=EndedReason.CALLER_HANGUP, min_duration=1, max_duration=90),
    ConversationFilters(phrase="SAATHI"),
)


@pytest.fixture
async def sent(mongodb_uri: str, database: Db, tmp_path: Path) -> list[dict[str, Any]]:
    """Every query of a customer's life. The database is empty before, and full of that life after."""
    del database
    listener = Sent()
    watched = await connect(mongodb_uri, listeners=[listener])
    try:
        async with services_on(watched, tmp_path) as services:
            await live_the_life_of_a_customer(services)
    finally:
        await watched.close()
    return listener.queries


async def test_no_query_of_the_product_reads_a_whole_collection(sent: list[dict[str, Any]], database: Db) -> None:
    collections = {next(iter(query.values())) for query in sent}
    assert collections == {declared.name for declared in COLLECTIONS}
    slow = [query for query in sent if "COLLSCAN" in await explain(database, query)]
    assert slow == []


async def test_a_list_of_conversations_comes_in_order_from_its_index(sent: list[dict[str, Any]], database: Db) -> None:
    lists = [query for query in sent if query.get("find") == "conversations" and query.get("limit") == 2]
    assert len(lists) >= len(FILTERS)
    for query in lists:
        found = await explain(database, query)
        if "$text" in query["filter"]:
            assert "TEXT_MATCH" in found
        else:
            assert "SORT" not in found, query


async def test_a_list_of_questions_comes_in_order_from_its_index(sent: list[dict[str, Any]], database: Db) -> None:
    lists = [query for query in sent if query.get("find") == "unansweredquestions" and "sort" in query]
    assert len(lists) >= 3
    for query in lists:
        assert "SORT" not in await explain(database, query), query


async def test_the_sweeper_looks_only_at_what_may_be_overdue(sent: list[dict[str, Any]], database: Db) -> None:
    looks = [query for query in sent if "leaseUntil" in query.get("sort", {})]
    assert looks
    answer = await database.command({"explain": looks[0], "verbosity": "executionStats"})
    # The life above is over and settled: nothing of it is in the index that the sweeper reads.
    assert answer["executionStats"]["totalKeysExamined"] == 0
    assert answer["executionStats"]["totalDocsExamined"] == 0


async def test_whoever_looks_for_hang_ups_reads_only_those(sent: list[dict[str, Any]], database: Db) -> None:
    looks = [query for query in sent if "hangUpRequestedAt" in query.get("sort", {})]
    assert looks
    answer = await database.command({"explain": looks[0], "verbosity": "executionStats"})
    assert set(values("indexName", answer["queryPlanner"]["winningPlan"])) == {"hangUpRequestedAt"}
    assert answer["executionStats"]["totalKeysExamined"] == 0


@pytest.mark.parametrize(
    ("collection", "query", "index"),
    [
        ("users", {"email": "owner@example.com"}, "email_unique"),
        ("users", {"phone": "+14155550199"}, "phone"),
        ("users", {"status": "suspended"}, "status"),
        ("userprofiles", {"subscription.stripeCustomerId": "cus_123"}, "stripeCustomerId_unique"),
        ("phonenumbers", {"state": "free", "country": "US", "areaCode": "415"}, "state_country_areaCode"),
        ("conversations", {"sessionId": "CA1"}, "sessionId"),
        ("usage", {"userId": ObjectId("0" * 24)}, "userId_periodStart"),
        ("sessions", {"userId": ObjectId("0" * 24)}, "userId"),
    ],
    ids=str,
)
async def test_a_query_goes_by_the_index_that_is_declared_for_it(
    sent: list[dict[str, Any]], database: Db, collection: str, query: dict[str, Any], index: str
) -> None:
    del sent
    answer = await database.command({"explain": {"find": collection, "filter": query}})
    assert index in set(values("indexName", answer["queryPlanner"]["winningPlan"]))


async def test_a_rare_status_is_found_without_reading_the_others(database: Db) -> None:
    user = ObjectId()
    record = {
        "userId": user,
        "carrier": "twilio",
        "direction": "inbound",
        "startedAt": NOW,
        "periodStart": NOW,
        "turns": [],
        "turnCount": 0,
    }
    statuses = ["completed"] * 200 + ["failed"]
    await database["conversations"].insert_many(
        {**record, "sessionId": f"CA{number}", "status": status} for number, status in enumerate(statuses)
    )
    query = {"find": "conversations", "filter": {"userId": user, "status": "failed"}, "sort": {"startedAt": -1}}
    answer = await database.command({"explain": query | {"limit": 20}, "verbosity": "executionStats"})
    assert answer["executionStats"]["totalDocsExamined"] == 1


async def test_a_query_without_an_index_would_be_noticed(database: Db) -> None:
    await database["users"].find_one({"name": "x"})
    assert "COLLSCAN" in await explain(database, {"find": "users", "filter": {"name": "x"}})
