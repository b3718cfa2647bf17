"""Brings a database into the declared shape: find what differs, mend it, look again."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import AutoReconnect, CollectionInvalid, OperationFailure

from callgenie.mongo.errors import SchemaConflictError
from callgenie.mongo.schema.catalogue import COLLECTIONS
from callgenie.mongo.schema.models import Collection, Document, Index

# Two processes may do this at once. What one finds missing the other may have made by then, or is making right now:
# the server answers with one of these, and the next round sees how things stand.
_OTHERS_WERE_FASTER: Final = frozenset(
    {
        26,  # NamespaceNotFound
        27,  # IndexNotFound
        48,  # NamespaceExists
        85,  # IndexOptionsConflict
        86,  # IndexKeySpecsConflict
        276,  # IndexBuildAborted
        12_587,  # BackgroundOperationInProgressForNamespace
        117,  # ConflictingOperationInProgress
        112,  # WriteConflict
    }
)
_DUPLICATE_KEY: Final = 11_000

# Each round mends everything it found. Another one is needed to see that it is so, and more only when another process
# does the same work or the primary changes.
_ROUNDS_MAX: Final = 10
_ROUND_PAUSE_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not as declared, in words, and how it is mended. `done` says it in the past tense."""

    found: str
    done: str
    mend: Callable[[], Awaitable[object]]


async def check_db(db: AsyncDatabase[Document], collections: Sequence[Collection] = COLLECTIONS) -> list[str]:
    """Return a sentence for everything that is not as declared; change nothing."""
    return [difference.found for difference in await _differences(db, collections)]


async def init_db(db: AsyncDatabase[Document], collections: Sequence[Collection] = COLLECTIONS) -> list[str]:
    """Create or update collections, validators and indexes; return a sentence for each thing done.

    Safe at any time, with calls running, and in two processes at once. Documents are never touched, nor are indexes
    that somebody else added, except where theirs stands in the way of one of ours.

    Raises:
        SchemaConflictError: Documents that are there stand in the way of a unique index.
    """
    done: list[str] = []
    left = ""
    for _ in range(_ROUNDS_MAX):
        try:
            differences = await _differences(db, collections)
            if not differences:
                return done
            left = differences[0].found
            done += [difference.done for difference in differences if await _mend(difference)]
        except AutoReconnect:
            # The primary changed. An index that was being built goes on being built; the next round waits for it.
            await asyncio.sleep(_ROUND_PAUSE_SECONDS)
    raise SchemaConflictError(
        f"The database does not keep the shape it is given. {left} "
        "Check its log, and that no other version of CallGenie works on it at the same time."
    )


async def _mend(difference: Difference) -> bool:
    try:
        await difference.mend()
    except CollectionInvalid:
        return False
    except OperationFailure as error:
        if error.code == _DUPLICATE_KEY:
            raise SchemaConflictError(
                f"{difference.found} It cannot be built, because several documents share the same value "
                f"({_duplicate(error)}). Remove or change all but one, then run init-db again."
            ) from error
        if error.code not in _OTHERS_WERE_FASTER:
            raise
        return False
    return True


def _duplicate(error: OperationFailure) -> str:
    # Only the fields' names: the values are addresses and numbers of customers.
    pattern: Document = (error.details or {}).get("keyPattern") or {}
    return ", ".join(pattern) or "the index's fields"


async def _differences(db: AsyncDatabase[Document], collections: Sequence[Collection]) -> list[Difference]:
    there = {info["name"]: info.get("options", {}) async for info in await db.list_collections()}
    found: list[Difference] = []
    for declared in collections:
        if declared.name in there:
            found += _validator_differences(db, declared, there[declared.name])
            found += await _index_differences(db, declared)
        else:
            found.append(_missing_collection(db, declared))
    return found


def _missing_collection(db: AsyncDatabase[Document], declared: Collection) -> Difference:
    async def create() -> None:
        await db.create_collection(declared.name, **_validation(declared))
        for index in declared.indexes:
            await _create_index(db, declared.name, index)

    return Difference(
        f"Collection {declared.name} is missing.",
        f"Created collection {declared.name} with {len(declared.indexes)} indexes.",
        create,
    )


def _validation(declared: Collection) -> Document:
    return {"validator": declared.validator(), "validationLevel": "strict", "validationAction": "error"}


def _validator_differences(db: AsyncDatabase[Document], declared: Collection, options: Document) -> list[Difference]:
    wanted = _validation(declared)
    if all(options.get(name) == value for name, value in wanted.items()):
        return []

    async def modify() -> None:
        await db.command("collMod", declared.name, **wanted)

    return [
        Difference(
            f"The validator of {declared.name} differs.",
            f"Updated the validator of {declared.name}.",
            modify,
        )
    ]


async def _index_differences(db: AsyncDatabase[Document], declared: Collection) -> list[Difference]:
    there = [dict(index) async for index in await db[declared.name].list_indexes()]
    found: list[Difference] = []
    for wanted in declared.indexes:
        reported = wanted.as_reported()
        if any(_same(index, reported) for index in there):
            continue
        rivals = [index["name"] for index in there if _in_the_way(index, reported, wanted)]
        found.append(_index_difference(db, declared.name, wanted, rivals))
    return found


def _same(there: Document, wanted: Document) -> bool:
    # Versions are the server's business; everything else must be equal, including options we did not ask for.
    return {name: _plain(value) for name, value in there.items() if name not in {"v", "textIndexVersion"}} == {
        name: _plain(value) for name, value in wanted.items()
    } and list(there["key"]) == list(wanted["key"])


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, dict) else value


def _in_the_way(there: Document, wanted: Document, index: Index) -> bool:
    """Tell whether the server would refuse `index` because of the one that is there."""
    same_keys = list(there["key"].items()) == list(wanted["key"].items())
    both_text = index.is_text and "_fts" in there["key"]
    return bool(there["name"] == index.name or same_keys or both_text)


def _index_difference(db: AsyncDatabase[Document], collection: str, wanted: Index, rivals: list[str]) -> Difference:
    async def build() -> None:
        for rival in rivals:
            await db[collection].drop_index(rival)
        await _create_index(db, collection, wanted)

    if rivals:
        return Difference(
            f"Index {wanted.name} of {collection} differs.",
            f"Rebuilt index {wanted.name} of {collection}.",
            build,
        )
    return Difference(
        f"Index {wanted.name} of {collection} is missing.",
        f"Created index {wanted.name} of {collection}.",
        build,
    )


async def _create_index(db: AsyncDatabase[Document], collection: str, index: Index) -> None:
    await db[collection].create_index(list(index.keys), **index.options())
