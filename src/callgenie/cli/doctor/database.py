"""The database: whether it answers, keeps the time, has its indexes, and holds what it should."""

import statistics
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Final

from callgenie.billing.ledger import UsageLedger
from callgenie.cli.doctor.models import Finding, bad, good, hint
from callgenie.conversations.live_store import LiveCallStore
from callgenie.conversations.models import ConversationFilters
from callgenie.conversations.store import ConversationStore
from callgenie.kernel.clock import Clock
from callgenie.kernel.ids import UserId
from callgenie.mongo.client import Database, deadline
from callgenie.mongo.examination import (
    NEWEST_EXAMINED,
    SHOWN_MAX,
    Explained,
    QueryRecorder,
    explain,
    misfits,
    newest_caller_of,
    pool_counts,
)
from callgenie.mongo.schema import COLLECTIONS, check_db
from callgenie.numbers.store import NumberStore

_SECONDS: Final = 10.0

# A call's greeting waits for a handful of round trips, one after the other.
_ROUND_TRIP_MS_MAX: Final = 25.0
_PINGS: Final = 9

# Tokens last minutes and signatures are compared with our own clock; leases go by the server's.
_CLOCK_HINT_SECONDS: Final = 1.0
_CLOCK_BAD_SECONDS: Final = 10.0

# What an indexed question reads beyond what it returns, and how long one may take on a busy machine.
_EXAMINED_BEYOND_MAX: Final = 100
_MILLISECONDS_MAX: Final = 100

_FREE_NUMBERS_FEW: Final = 5
_PAGE: Final = 20


async def check_server(database: Database, clock: Clock) -> AsyncIterator[Finding]:
    """Look at the server itself. That it is a replica set and new enough was seen when connecting."""
    with deadline(_SECONDS):
        before = clock.now()
        hello = await database.client.admin.command("hello")
        after = clock.now()
        version = (await database.client.admin.command("buildInfo"))["version"]
    members = len(hello.get("hosts", []))
    yield good("connection", f"MongoDB {version}, replica set {hello.get('setName')} with {members or 1} node(s)")
    yield await _round_trip(database, clock)
    yield _clock_difference(hello["localTime"], before + (after - before) / 2)


async def _round_trip(database: Database, clock: Clock) -> Finding:
    took = []
    with deadline(_SECONDS):
        for _ in range(_PINGS):
            begin = clock.monotonic()
            await database.client.admin.command("ping")
            took.append((clock.monotonic() - begin) * 1_000)
    median = statistics.median(took)
    if median > _ROUND_TRIP_MS_MAX:
        return hint(
            "round trip",
            f"{median:.0f} ms to the database, and callers wait for several. Run CallGenie nearer to it",
        )
    return good("round trip", f"{median:.1f} ms to the database")


def _clock_difference(theirs: datetime, ours: datetime) -> Finding:
    seconds = abs((theirs.astimezone(UTC) - ours).total_seconds())
    sentence = f"this machine and the database's differ by {seconds:.1f} s"
    if seconds >= _CLOCK_BAD_SECONDS:
        return bad("clock", f"{sentence}: tokens end early or late. Set both by NTP")
    if seconds >= _CLOCK_HINT_SECONDS:
        return hint("clock", f"{sentence}. Set both by NTP")
    return good("clock", sentence)


async def check_schema(database: Database) -> AsyncIterator[Finding]:
    """Look for missing or changed collections, validators and indexes."""
    with deadline(_SECONDS):
        differences = await check_db(database.db)
    if len(differences) == len(COLLECTIONS) and all("Collection" in difference for difference in differences):
        yield hint("schema", "the database is new and empty: `callgenie serve` or `callgenie init-db` makes it ready")
        return
    for difference in differences:
        yield bad("schema", f"{difference} Run `callgenie init-db`")
    if not differences:
        indexes = sum(len(declared.indexes) for declared in COLLECTIONS)
        yield good("schema", f"{len(COLLECTIONS)} collections with validators, {indexes} indexes")


async def check_documents(database: Database) -> AsyncIterator[Finding]:
    """Look for documents that the validators would refuse."""
    sound = True
    for declared in COLLECTIONS:
        found = await misfits(database, declared)
        if found is None:
            yield hint("data", f"{declared.name} is too large to look through now")
        elif found:
            shown = ", ".join(str(each) for each in found)
            more = " and more" if len(found) == SHOWN_MAX else ""
            yield bad(
                "data",
                f"{declared.name} holds documents that its validator refuses ({shown}{more}): their next change fails. "
                "Mend or remove them, or restore a backup",
            )
        sound = sound and not found
    if sound:
        yield good("data", f"the newest {NEWEST_EXAMINED} documents of each collection fit its validator")


async def check_queries(database: Database, recorder: QueryRecorder, clock: Clock) -> AsyncIterator[Finding]:
    """Ask what calls and pages ask, and look how the server answers."""
    user_id = UserId(await newest_caller_of(database))
    calls, ledger, numbers = LiveCallStore(database.db), UsageLedger(database.db), NumberStore(database.db)
    conversations = ConversationStore(database.db)
    questions: dict[str, Callable[[], Awaitable[Any]]] = {
        "call routing": lambda: numbers.owner_of_any_number("+14155550100"),
        "limit check": lambda: ledger.standing(user_id, clock.now()),
        "history page": lambda: conversations.page(user_id, ConversationFilters(), after=None, limit=_PAGE),
        "overdue calls": lambda: calls.find_overdue_of_any_user(_PAGE),
        "expired holds": lambda: ledger.find_expired_of_any_user(_PAGE),
    }
    for name, ask in questions.items():
        with recorder.recording() as queries:
            await ask()
        for query in queries:
            yield _judged(name, await explain(database, query))


def _judged(name: str, explained: Explained) -> Finding:
    how = f"{explained.examined} documents read for {explained.returned}, {explained.milliseconds} ms"
    if explained.reads_everything:
        return bad(name, f"goes through the whole collection ({how}). Run `callgenie init-db`")
    if explained.sorts_in_memory:
        return bad(name, f"sorts in memory ({how}). Run `callgenie init-db`")
    if explained.examined > explained.returned + _EXAMINED_BEYOND_MAX:
        return bad(name, f"reads far more than it returns ({how}). Run `callgenie init-db --check`")
    if explained.milliseconds > _MILLISECONDS_MAX:
        return hint(name, f"takes long for what it does ({how}). Look at the database's memory and disk")
    return good(name, f"by its index: {how}")


async def check_pool(database: Database) -> AsyncIterator[Finding]:
    """Look whether somebody who signs up can have a number."""
    free, known = await pool_counts(database)
    if known == 0:
        yield hint("numbers", "the pool is empty: no call can arrive. Fill it with `callgenie numbers import`")
    elif free < _FREE_NUMBERS_FEW:
        yield hint("numbers", f"{free} of {known} are free. Add some with `callgenie numbers import`")
    else:
        yield good("numbers", f"{free} of {known} are free")
