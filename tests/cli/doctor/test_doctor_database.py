"""The doctor on a database in which something is really wrong."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase
from tests.support.metering import SetClock

from callgenie.cli.doctor import database as of_database
from callgenie.cli.doctor.models import Finding, Verdict
from callgenie.kernel.clock import SystemClock
from callgenie.mongo.client import Database, connect
from callgenie.mongo.examination import QueryRecorder
from callgenie.mongo.schema import init_db

Db = AsyncDatabase[dict[str, Any]]
NOW = datetime(2026, 1, 1, tzinfo=UTC)


async def found(checks: AsyncIterator[Finding]) -> list[Finding]:
    return [finding async for finding in checks]


async def verdicts(checks: AsyncIterator[Finding]) -> set[Verdict]:
    return {finding.verdict for finding in await found(checks)}


@pytest.fixture
async def patient(mongodb_uri: str, database: Db) -> AsyncIterator[tuple[Database, QueryRecorder]]:
    """A database in good health, and what listens to its queries; in good health again afterwards."""
    recorder = QueryRecorder()
    connected = await connect(mongodb_uri, listeners=[recorder])
    yield connected, recorder
    await init_db(database)
    await connected.close()


async def give_history(db: Db, conversations: int) -> None:
    user = ObjectId()
    fields = {"userId": user, "carrier": "api", "direction": "inbound", "status": "completed", "turns": []}
    await db["conversations"].insert_many(
        {**fields, "sessionId": f"s{n}", "startedAt": NOW + timedelta(n), "periodStart": NOW, "turnCount": 0}
        for n in range(conversations)
    )


async def test_a_healthy_database_is_all_good(patient: tuple[Database, QueryRecorder]) -> None:
    database, recorder = patient
    await give_history(database.db, 300)
    assert await verdicts(of_database.check_server(database, SystemClock())) == {Verdict.GOOD}
    assert await verdicts(of_database.check_schema(database)) == {Verdict.GOOD}
    assert await verdicts(of_database.check_documents(database)) == {Verdict.GOOD}
    queries = await found(of_database.check_queries(database, recorder, SystemClock()))
    assert {query.subject for query in queries} == {
        "call routing",
        "limit check",
        "history page",
        "overdue calls",
        "expired holds",
    }
    assert [query for query in queries if query.verdict is Verdict.BAD] == []


@pytest.mark.parametrize(
    ("index", "collection", "subject", "says"),
    [
        ("userId_startedAt", "conversations", "history page", "sorts in memory"),
        ("leaseUntil", "conversations", "overdue calls", "whole collection"),
        ("nextExpiryAt", "usage", "expired holds", "whole collection"),
    ],
)
async def test_a_lost_index_is_missed_by_the_shape_and_by_the_query(
    patient: tuple[Database, QueryRecorder], index: str, collection: str, subject: str, says: str
) -> None:
    database, recorder = patient
    await give_history(database.db, 300)
    await database.db[collection].drop_index(index)
    [shape] = await found(of_database.check_schema(database))
    assert (shape.verdict, shape.sentence) == (
        Verdict.BAD,
        f"Index {index} of {collection} is missing. Run `callgenie init-db`",
    )
    [query] = [
        query
        for query in await found(of_database.check_queries(database, recorder, SystemClock()))
        if query.verdict is Verdict.BAD
    ]
    assert query.subject == subject
    assert says in query.sentence


async def test_a_document_that_no_longer_fits_is_named(patient: tuple[Database, QueryRecorder]) -> None:
    database, _ = patient
    await database.db["phonenumbers"].insert_many(
        [{"_id": "+14155550100", "state": "free"}, {"_id": "+14155550101", "state": "lost"}],
        bypass_document_validation=True,
    )
    [finding] = await found(of_database.check_documents(database))
    assert finding.verdict is Verdict.BAD
    assert "phonenumbers holds documents that its validator refuses (+14155550101)" in finding.sentence


@pytest.mark.parametrize(("seconds", "verdict"), [(0, Verdict.GOOD), (3, Verdict.HINT), (60, Verdict.BAD)])
async def test_a_clock_that_is_wrong_is_noticed(
    patient: tuple[Database, QueryRecorder], seconds: int, verdict: Verdict
) -> None:
    clock = SetClock(datetime.now(UTC) - timedelta(seconds=seconds))
    [finding] = [each for each in await found(of_database.check_server(patient[0], clock)) if each.subject == "clock"]
    assert finding.verdict is verdict


async def test_an_empty_pool_and_a_small_one_are_noticed(patient: tuple[Database, QueryRecorder]) -> None:
    database, _ = patient
    for numbers, says in ((0, "the pool is empty"), (1, "1 of 1 are free. Add"), (9, "10 of 10 are free")):
        if numbers:
            await database.db["phonenumbers"].insert_many(
                {"state": "free", "_id": f"+{numbers}{n}"} for n in range(numbers)
            )
        [finding] = await found(of_database.check_pool(database))
        assert says in finding.sentence
