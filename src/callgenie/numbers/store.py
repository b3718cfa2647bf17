"""Where the pool is kept. `_id` is the number itself, so a call is routed by one indexed read."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from bson import ObjectId
from pymongo import ReturnDocument, UpdateOne
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from callgenie.kernel.ids import UserId
from callgenie.mongo.client import retrying
from callgenie.numbers.models import AssignedNumber, ListedNumber, NumberState, NumberWish, PooledNumber

Document = dict[str, Any]

# Long enough for the former owner's callers to notice; the usual time after which carriers hand numbers out again.
QUARANTINE_DAYS: Final = 30
_QUARANTINE_MS: Final = QUARANTINE_DAYS * 24 * 60 * 60 * 1000

# A batch of an import: large enough that the network is not what takes the time, small enough for the deadline.
_IMPORT_SECONDS: Final = 30.0

# Who has this many free numbers need not know how many more.
_COUNTED_MAX: Final = 100_000

_IS_FREE: Final[Document] = {"state": NumberState.FREE.value}
# There is no job that frees numbers: whoever looks for one takes those whose quarantine is over as well.
_IS_OVER_QUARANTINE: Final[Document] = {
    "state": NumberState.QUARANTINE.value,
    "$expr": {"$lt": ["$quarantineUntil", "$$NOW"]},
}

_QUARANTINE_IS_OVER: Final[Document] = {
    "$and": [{"$eq": ["$state", NumberState.QUARANTINE.value]}, {"$lt": ["$quarantineUntil", "$$NOW"]}]
}


class NumberStore:
    """The pool of numbers."""

    def __init__(self, db: AsyncDatabase[Document]) -> None:
        self._numbers = db["phonenumbers"]

    async def add(self, numbers: Sequence[PooledNumber]) -> int:
        """Put numbers into the pool; return how many were not in it. Those that are there stay as they are."""
        writes = [
            UpdateOne(
                {"_id": number.number},
                {
                    "$setOnInsert": {
                        "state": NumberState.FREE.value,
                        "country": number.country,
                        "areaCode": number.area_code,
                    }
                },
                upsert=True,
            )
            for number in numbers
        ]
        if not writes:
            return 0
        result = await retrying(lambda: self._numbers.bulk_write(writes, ordered=False), seconds=_IMPORT_SECONDS)
        return result.upserted_count

    async def take(self, user_id: UserId, wish: NumberWish) -> AssignedNumber | None:
        """Assign a number that fits, in one write; None when there is none, or when the user has one already."""
        for available in (_IS_FREE, _IS_OVER_QUARANTINE):
            try:
                taken = await self._take(user_id, _wished(wish) | available)
            except DuplicateKeyError:
                # The unique index on `userId`: the user has a number.
                return None
            if taken is not None:
                return taken
        return None

    async def _take(self, user_id: UserId, query: Document) -> AssignedNumber | None:
        steps = [
            {
                "$set": {
                    "state": NumberState.ASSIGNED.value,
                    "userId": ObjectId(user_id),
                    "assignedAt": "$$NOW",
                    "quarantineUntil": "$$REMOVE",
                }
            }
        ]
        # Unsorted, so that the index hands out its first entry instead of all of a large pool being sorted.
        taken = await retrying(
            lambda: self._numbers.find_one_and_update(query, steps, return_document=ReturnDocument.AFTER)
        )
        return None if taken is None else _assigned_of(taken)

    async def number_of(self, user_id: UserId) -> AssignedNumber | None:
        """Return the user's number, or None."""
        found = await retrying(lambda: self._numbers.find_one({"userId": ObjectId(user_id)}))
        return None if found is None else _assigned_of(found)

    async def owner_of_any_number(self, number: str) -> UserId | None:
        """Return whoever has the number, or None."""
        query = {"_id": number, "state": NumberState.ASSIGNED.value}
        found = await retrying(lambda: self._numbers.find_one(query, {"userId": 1}))
        return None if found is None else UserId(str(found["userId"]))

    async def count_free(self) -> int:
        """Return how many numbers can be assigned, counted to a limit."""
        free = {"$or": [_IS_FREE, _IS_OVER_QUARANTINE]}
        return await retrying(lambda: self._numbers.count_documents(free, limit=_COUNTED_MAX))

    async def is_in_pool(self, number: str) -> bool:
        """Tell whether the number is in the pool, whoever has it."""
        return await retrying(lambda: self._numbers.find_one({"_id": number}, {"_id": 1})) is not None

    async def list_everybodys(self, state: NumberState | None, country: str | None) -> AsyncIterator[ListedNumber]:
        """Yield the pool's numbers in their order. One whose quarantine is over counts as free."""
        query = {} if country is None else {"country": country}
        steps: list[Document] = [
            {"$match": query},
            {"$sort": {"_id": 1}},
            {"$set": {"state": {"$cond": [_QUARANTINE_IS_OVER, NumberState.FREE.value, "$state"]}}},
            *([] if state is None else [{"$match": {"state": state.value}}]),
        ]
        async with await self._numbers.aggregate(steps) as found:
            async for document in found:
                yield _listed_of(document)

    async def release(self, assigned: AssignedNumber) -> None:
        """Put the number into quarantine, if this assignment of it still stands."""
        query = {
            "_id": assigned.number,
            "userId": ObjectId(assigned.user_id),
            # Names this assignment: a release that was stuck on its way must not end a later one.
            "assignedAt": assigned.assigned_at,
        }
        steps = [
            {
                "$set": {
                    "state": NumberState.QUARANTINE.value,
                    "userId": "$$REMOVE",
                    "assignedAt": "$$REMOVE",
                    "quarantineUntil": {"$add": ["$$NOW", _QUARANTINE_MS]},
                }
            }
        ]
        await retrying(lambda: self._numbers.update_one(query, steps))


def _wished(wish: NumberWish) -> Document:
    wished = {"country": wish.country, "areaCode": wish.area_code, "_id": wish.number}
    return {name: value for name, value in wished.items() if value is not None}


def _assigned_of(document: Document) -> AssignedNumber:
    return AssignedNumber(
        number=document["_id"],
        user_id=UserId(str(document["userId"])),
        assigned_at=document["assignedAt"],
        country=document.get("country"),
        area_code=document.get("areaCode"),
    )


def _listed_of(document: Document) -> ListedNumber:
    state, user_id = NumberState(document["state"]), document.get("userId")
    return ListedNumber(
        number=document["_id"],
        state=state,
        country=document.get("country"),
        area_code=document.get("areaCode"),
        user_id=None if user_id is None else UserId(str(user_id)),
        assigned_at=document.get("assignedAt"),
        free_from=document.get("quarantineUntil") if state is NumberState.QUARANTINE else None,
    )
