"""Looks at a database without changing it: how queries are answered, and what does not fit its validators."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from bson import ObjectId
from pymongo.errors import ExecutionTimeout, OperationFailure, PyMongoError
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from callgenie.mongo.client import Database, Document, deadline
from callgenie.mongo.errors import DatabaseSignInError, DatabaseUnreachableError
from callgenie.mongo.schema.conversations import CONVERSATIONS
from callgenie.mongo.schema.models import Collection
from callgenie.mongo.schema.phonenumbers import PHONE_NUMBERS

# Of a large collection only the newest documents are held against the validator, and not for longer than this: a
# doctor must not become the patient's illness.
NEWEST_EXAMINED: Final = 50_000
_SECONDS_MAX: Final = 10.0
SHOWN_MAX: Final = 3

# What belongs to the sending of a command and not to the question.
_OF_THE_WIRE: Final = frozenset(
    {"lsid", "$db", "$clusterTime", "$readPreference", "txnNumber", "writeConcern", "readConcern", "maxTimeMS"}
)


class QueryRecorder(CommandListener):
    """Keeps the queries that the driver sends while it is asked to, in the form that `explain` takes."""

    def __init__(self) -> None:
        self._kept: list[Document] | None = None

    @contextmanager
    def recording(self) -> Iterator[list[Document]]:
        """Yield the queries of the block, as they come."""
        kept: list[Document] = []
        self._kept = kept
        try:
            yield kept
        finally:
            self._kept = None

    def started(self, event: CommandStartedEvent) -> None:
        """Keep it if it asks for documents."""
        if self._kept is not None and event.command_name in {"find", "aggregate"}:
            self._kept.append({name: value for name, value in event.command.items() if name not in _OF_THE_WIRE})

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Do nothing."""

    def failed(self, event: CommandFailedEvent) -> None:
        """Do nothing."""


@contextmanager
def in_words() -> Iterator[None]:
    """Turn what the server or the driver refuses into a sentence.

    Raises:
        DatabaseUnreachableError: The connection was lost, or the server did not answer in time.
        DatabaseSignInError: The user may not look at what is to be looked at.
    """
    try:
        yield
    except OperationFailure as error:
        raise DatabaseSignInError(
            f"The database refused a question (code {error.code}). The user in MONGODB_URI needs the role dbOwner."
        ) from error
    except PyMongoError as error:
        raise DatabaseUnreachableError("The database stopped answering in the middle. Look at its log.") from error


@dataclass(frozen=True, slots=True)
class Explained:
    """How the server answered a query."""

    stages: frozenset[str]
    examined: int
    returned: int
    milliseconds: int

    @property
    def reads_everything(self) -> bool:
        """Whether no index led to the documents."""
        return "COLLSCAN" in self.stages

    @property
    def sorts_in_memory(self) -> bool:
        """Whether all that fit were read before the first could be returned."""
        return "SORT" in self.stages


async def explain(database: Database, query: Mapping[str, Any]) -> Explained:
    """Let the server answer the query once more, and tell how it does."""
    with deadline(_SECONDS_MAX):
        answer = await database.db.command({"explain": dict(query), "verbosity": "executionStats"})
    run = answer.get("executionStats") or answer["stages"][0]["$cursor"]["executionStats"]
    return Explained(frozenset(_stages(run)), run["totalDocsExamined"], run["nReturned"], run["executionTimeMillis"])


def _stages(plan: Any) -> Iterator[str]:
    if isinstance(plan, dict):
        if isinstance(name := plan.get("stage"), str):
            yield name
        for part in plan.values():
            yield from _stages(part)
    elif isinstance(plan, list):
        for part in plan:
            yield from _stages(part)


async def misfits(database: Database, declared: Collection) -> list[Any] | None:
    """Return the ids of some documents that the validator would refuse, of the newest; None when that takes too long.

    Such documents come from before a validator, or past it; the server refuses their next change.
    """
    pipeline: list[Document] = [
        {"$sort": {"_id": -1}},
        {"$limit": NEWEST_EXAMINED},
        {"$match": {"$nor": [declared.validator()]}},
        {"$limit": SHOWN_MAX},
        {"$project": {"_id": 1}},
    ]
    try:
        with deadline(_SECONDS_MAX):
            cursor = await database.db[declared.name].aggregate(pipeline)
            return [document["_id"] async for document in cursor]
    except PyMongoError as error:
        if error.timeout or isinstance(error, ExecutionTimeout):
            return None
        raise


async def newest_caller_of(database: Database) -> str:
    """Return the id of whoever had the last call, so that questions are asked of a user who has some; or any id."""
    with deadline(_SECONDS_MAX):
        newest = await database.db[CONVERSATIONS.name].find_one({}, {"userId": 1}, sort=[("_id", -1)])
    return str(newest["userId"] if newest else ObjectId())


async def pool_counts(database: Database) -> tuple[int, int]:
    """Return how many phone numbers are free, and how many there are."""
    numbers = database.db[PHONE_NUMBERS.name]
    with deadline(_SECONDS_MAX):
        return await numbers.count_documents({"state": "free"}), await numbers.estimated_document_count()
