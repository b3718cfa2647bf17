"""(b) What grows with the record: a page of history, a search, the limit check and the routing of a call.

Through the services, in this process, against an embedded MongoDB that holds 10,000 and then 1,000,000 conversations,
a tenth of them one user's. Beside them, in turn, a bare `find_one` by `_id`, so that the ratio survives a busy machine.
"""

import asyncio
import itertools
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from bson import ObjectId
from pymongo import WriteConcern

from callgenie.billing.models import MeteredPeriod
from callgenie.billing.plans import PLANS
from callgenie.conversations.models import ConversationFilters
from callgenie.kernel.clock import SystemClock
from callgenie.kernel.ids import SystemRandomness, UserId
from callgenie.kernel.vocabulary import PlanName
from callgenie.mongo.embedded import open_database
from callgenie.mongo.folder import DataFolder
from callgenie.mongo.schema import init_db
from callgenie.numbers.models import NumberWish
from callgenie.settings import Settings
from callgenie.wiring.records import Records, build_records
from callgenie.wiring.secrets import gather_secrets

SIZES: Final = (10_000, 1_000_000)
BARE: Final = "find_one by _id, bare driver"
GOALS: Final[Mapping[str, float]] = {"limit check": 2, "call routing": 2, "history page of 20": 6}

NUMBER: Final = "+14155552671"
NUMBERS_IN_POOL: Final = 10_000
# The one user's conversations that a search finds, however many there are.
HITS: Final = 15
BATCH: Final = 5_000
OTHERS: Final = 1_000
# A small vocabulary makes the text index as deep as real talk does.
WORDS: Final = tuple(f"word{number}" for number in range(3_000))


@dataclass(frozen=True, slots=True)
class Figures:
    """Milliseconds of one kind of read at one size."""

    p50_ms: float
    p95_ms: float


@dataclass(frozen=True, slots=True)
class Sized:
    """All reads with so many conversations in the collection, and how long it took to fill it up to there."""

    conversations: int
    of_the_user: int
    filled_in_seconds: float
    reads: Mapping[str, Figures]

    def ratio(self, name: str) -> float:
        """Return how many times as long as the bare read this takes."""
        return self.reads[name].p50_ms / self.reads[BARE].p50_ms


async def measure(*, sizes: Sequence[int] = SIZES, rounds: int = 300) -> list[Sized]:
    """Fill the collection to each size in turn and measure there."""
    with tempfile.TemporaryDirectory(prefix="callgenie-bench-") as folder:
        # Nothing of the surroundings: their MONGODB_URI would be filled with a million conversations.
        settings = Settings(_env_file=None, mongodb_uri=None, data_dir=Path(folder), bcrypt_cost=4)
        DataFolder(settings.data_dir).prepare()
        async with open_database(settings, purpose="command", progress=lambda _line: None) as database:
            await init_db(database.db)
            secrets = gather_secrets(settings)
            records = build_records(settings, database, secrets, clock=SystemClock(), randomness=SystemRandomness())
            try:
                return await _measure(records, sizes, rounds)
            finally:
                records.passwords.close()


async def _measure(records: Records, sizes: Sequence[int], rounds: int) -> list[Sized]:
    user_id = await _settle_in(records)
    filling = _Filling(records, user_id)
    found: list[Sized] = []
    for size in sizes:
        seconds = await filling.up_to(size)
        reads = _reads(records, user_id, filling.some_ids)
        await _rounds(reads, rounds // 5)
        times = await _rounds(reads, rounds)
        figures = {name: Figures(statistics.median(each), _percentile(each, 95)) for name, each in times.items()}
        found.append(Sized(size, size // 10, seconds, figures))
    return found


async def _settle_in(records: Records) -> UserId:
    user, profile = await records.sign_up.register(
        email="bench@example.com", password="measure twice cut once", name="Bench"
    )
    period = MeteredPeriod(user.id, profile.subscription.anchor)
    await records.ledger.carry_over(period, PLANS[PlanName.FREE], calls=3, seconds=300)
    await records.database.db["phonenumbers"].insert_many(
        [{"_id": f"+1415{number:07}", "state": "free", "country": "US"} for number in range(NUMBERS_IN_POOL)]
    )
    await records.numbers.import_numbers([NUMBER])
    await records.numbers.assign(user.id, NumberWish(number=NUMBER))
    return user.id


class _Filling:
    """Inserts conversations, the tenth of them the one user's, without waiting for the journal."""

    def __init__(self, records: Records, user_id: UserId) -> None:
        self._to = records.database.db["conversations"].with_options(write_concern=WriteConcern(w=1, j=False))
        self._db = records.database.db
        self._owner = ObjectId(user_id)
        self._others = [ObjectId() for _ in range(OTHERS)]
        self._random = random.Random(7)  # noqa: S311 -- the same texts in each run, not a secret
        self._now = records.clock.now()
        self._count = 0
        self.some_ids: list[ObjectId] = []

    async def up_to(self, size: int) -> float:
        """Insert what is missing; return how many seconds that took."""
        began = time.perf_counter()
        # Sorted in one go, the entries of a million documents take a fraction of the time that they take one by one.
        await self._db["conversations"].drop_indexes()
        numbers = range(self._count, size)
        batches = iter(range(0, len(numbers), BATCH))

        async def insert() -> None:
            for start in batches:
                documents = [self._conversation(number) for number in numbers[start : start + BATCH]]
                self.some_ids.append(documents[-1]["_id"])
                await self._to.insert_many(documents, ordered=False, bypass_document_validation=True)

        # Two: while one batch is written, the next one is made.
        async with asyncio.TaskGroup() as group:
            for _ in range(2):
                group.create_task(insert())
        self._count = size
        await init_db(self._db)
        # We read what a majority has: this waits until it has all of the above.
        await self._db.client.admin.command(
            {"appendOplogNote": 1, "data": {"filled": size}, "writeConcern": {"w": "majority"}}
        )
        return time.perf_counter() - began

    def _conversation(self, number: int) -> dict[str, Any]:
        own = number % 10 == 0
        started = self._now - timedelta(seconds=number)
        said = " ".join(self._random.choices(WORDS, k=6))
        if own and number < HITS * 10:
            said += " pomegranate"
        return {
            "_id": ObjectId(),
            "userId": self._owner if own else self._others[number % OTHERS],
            "sessionId": f"bench-{number}",
            "carrier": "api",
            "direction": "inbound",
            "status": "completed",
            "phoneNumber": "+14155550123",
            "startedAt": started,
            "periodStart": started,
            "turns": [_turn(1, "user", said, started), _turn(2, "assistant", "Yes, of course.", started)],
            "turnCount": 2,
            "duration": 30,
            "billableSeconds": 30,
            "counted": True,
        }


def _turn(number: int, role: str, text: str, at: datetime) -> dict[str, Any]:
    return {"number": number, "role": role, "text": text, "at": at}


def _reads(records: Records, user_id: UserId, ids: Sequence[ObjectId]) -> Mapping[str, Callable[[], Awaitable[object]]]:
    conversations = records.database.db["conversations"]
    turns = itertools.cycle(ids)
    wanted = ConversationFilters(phrase="pomegranate")

    async def bare() -> None:
        assert await conversations.find_one({"_id": next(turns)}) is not None

    async def page() -> None:
        assert len((await records.conversations.page(user_id)).items) == 20

    async def search() -> None:
        assert len((await records.conversations.page(user_id, wanted)).items) == HITS

    async def check() -> None:
        assert (await records.usage.check(user_id)).standing.calls == 3

    async def route() -> None:
        assert await records.numbers.owner_of(NUMBER) == user_id

    return {
        BARE: bare,
        "limit check": check,
        "call routing": route,
        "history page of 20": page,
        "search, 15 hits": search,
    }


async def _rounds(reads: Mapping[str, Callable[[], Awaitable[object]]], rounds: int) -> Mapping[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in reads}
    order = list(reads.items())
    # Whoever comes after a long read finds colder caches, so each comes after each.
    shuffling = random.Random(7)  # noqa: S311 -- the same order in each run, not a secret
    for _ in range(rounds):
        shuffling.shuffle(order)
        for name, read in order:
            began = time.perf_counter()
            await read()
            times[name].append((time.perf_counter() - began) * 1_000)
    return times


def _percentile(values: Sequence[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]
