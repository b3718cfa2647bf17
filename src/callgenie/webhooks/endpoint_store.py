"""Where endpoints are kept: collection `webhookendpoints`. No secret is among it."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.asynchronous.database import AsyncDatabase

from callgenie.kernel.ids import UserId
from callgenie.mongo.client import newest, only_when_new, retrying
from callgenie.webhooks.models import OVERLAP, DisabledReason, Endpoint, EndpointFields, EventType

Document = dict[str, Any]


# Deleted at once, an endpoint would be back when a late first attempt to make it arrives.
_IS_THERE: Final[Document] = {"deletedAt": None}


class EndpointStore:
    """Endpoints in MongoDB. The server removes deleted ones after a day."""

    def __init__(self, db: AsyncDatabase[Document]) -> None:
        self._endpoints = db["webhookendpoints"]

    async def insert(
        self, user_id: UserId, endpoint_id: str, fields: EndpointFields, *, endpoints_max: int
    ) -> Endpoint | None:
        """Keep a new endpoint; None when the user has `endpoints_max` others."""
        owned = {"userId": ObjectId(user_id)}
        # An upsert by id, so that an attempt whose answer got lost can be repeated.
        which = {"_id": ObjectId(endpoint_id), **owned}
        kept: Document = {
            **_literal(_document_of(fields)),
            "enabled": True,
            "disabledReason": None,
            "generation": 1,
            "createdAt": "$$NOW",
        }
        await retrying(lambda: self._endpoints.update_one(which, only_when_new(kept), upsert=True))
        # Counted afterwards: of any number made at once, none stays that is one too many.
        if await retrying(lambda: self._endpoints.count_documents({**owned, **_IS_THERE})) > endpoints_max:
            await self.delete(user_id, endpoint_id)
            return None
        return await self.find(user_id, endpoint_id)

    async def of_user(self, user_id: UserId) -> list[Endpoint]:
        """Return the user's endpoints, newest first."""
        return await self._read({"userId": ObjectId(user_id), **_IS_THERE})

    async def subscribed(self, user_ids: Collection[UserId], event_type: EventType) -> list[Endpoint]:
        """Return those of the users' endpoints that are to get events of a type."""
        return await self._read({**_enabled(user_ids), "events": event_type.value})

    async def event_types_of(self, user_ids: Collection[UserId]) -> Mapping[UserId, Collection[str]]:
        """Return the types of events that any enabled endpoint of each user is subscribed to.

        Of the newest state: an endpoint whose insertion was acknowledged is in it, also right after an election.
        """
        endpoints = newest(self._endpoints)

        async def read() -> list[Document]:
            return await endpoints.find(_enabled(user_ids), {"userId": 1, "events": 1}).to_list()

        types: defaultdict[UserId, set[str]] = defaultdict(set)
        for endpoint in await retrying(read):
            types[UserId(str(endpoint["userId"]))].update(endpoint["events"])
        return types

    async def find(self, user_id: UserId, endpoint_id: str) -> Endpoint | None:
        """Return one of the user's endpoints, or None."""
        if not ObjectId.is_valid(endpoint_id):
            return None
        found = await retrying(lambda: self._endpoints.find_one(_key(user_id, endpoint_id)))
        return None if found is None else _endpoint_of(found)

    async def find_of_any_user(self, endpoint_ids: Collection[str]) -> Mapping[str, Endpoint]:
        """Return those of the endpoints that are there, whichever users' they are, by their ids."""
        found = await self._read({"_id": {"$in": [ObjectId(each) for each in endpoint_ids]}, **_IS_THERE})
        return {endpoint.id: endpoint for endpoint in found}

    async def change(
        self, user_id: UserId, endpoint_id: str, fields: EndpointFields, *, enabled: bool
    ) -> Endpoint | None:
        """Set what the owner says; None when it is gone. Switched on again, it is not failing any more."""
        reason: Document = {"$cond": ["$enabled", DisabledReason.OWNER.value, "$disabledReason"]}
        changes: Document = {
            **_literal(_document_of(fields)),
            "enabled": enabled,
            "disabledReason": None if enabled else reason,
        }
        if enabled:
            changes["failingSince"] = {"$cond": ["$enabled", {"$ifNull": ["$failingSince", None]}, None]}
        return await self._change(_key(user_id, endpoint_id), changes)

    async def rotate(self, endpoint: Endpoint) -> Endpoint | None:
        """Have the next secret sign, and this one too for a day; None when it was rotated before or is gone."""
        which = _key(endpoint.user_id, endpoint.id) | {"generation": endpoint.generation}
        until = {"$add": ["$$NOW", int(OVERLAP.total_seconds() * 1_000)]}
        return await self._change(which, {"generation": endpoint.generation + 1, "overlapUntil": until})

    async def note_failure(self, endpoint: Endpoint) -> Endpoint | None:
        """Note that a delivery failed; None when it is gone."""
        since = {"failingSince": {"$ifNull": ["$failingSince", "$$NOW"]}}
        return await self._change(_key(endpoint.user_id, endpoint.id), since)

    async def note_success(self, endpoint: Endpoint) -> None:
        """Note that a delivery was taken."""
        if endpoint.failing_since is not None:
            await self._change(_key(endpoint.user_id, endpoint.id), {"failingSince": None})

    async def disable(self, endpoint: Endpoint, reason: DisabledReason) -> None:
        """Switch it off, unless it is off."""
        which = _key(endpoint.user_id, endpoint.id) | {"enabled": True}
        await self._change(which, {"enabled": False, "disabledReason": reason.value})

    async def delete(self, user_id: UserId, endpoint_id: str) -> bool:
        """Delete one of the user's endpoints; tell whether it was there."""
        if not ObjectId.is_valid(endpoint_id):
            return False
        # An address may hold a password.
        deletion = [{"$set": {"deletedAt": "$$NOW", "url": "", "description": ""}}]
        deleted = await retrying(lambda: self._endpoints.update_one(_key(user_id, endpoint_id), deletion))
        return deleted.matched_count == 1

    async def _read(self, query: Document) -> list[Endpoint]:
        async def read() -> list[Document]:
            return await self._endpoints.find(query).sort([("createdAt", -1), ("_id", -1)]).to_list()

        return [_endpoint_of(document) for document in await retrying(read)]

    async def _change(self, which: Document, changes: Document) -> Endpoint | None:
        changed = await retrying(
            lambda: self._endpoints.find_one_and_update(
                which, [{"$set": changes}], return_document=ReturnDocument.AFTER
            )
        )
        return None if changed is None else _endpoint_of(changed)


def _enabled(user_ids: Collection[UserId]) -> Document:
    return {"userId": {"$in": [ObjectId(user_id) for user_id in user_ids]}, "enabled": True, **_IS_THERE}


def _key(user_id: UserId, endpoint_id: str) -> Document:
    return {"_id": ObjectId(endpoint_id), "userId": ObjectId(user_id), **_IS_THERE}


def _document_of(fields: EndpointFields) -> Document:
    return {
        "url": fields.url,
        "events": [event.value for event in fields.events],
        "description": fields.description,
        "includeTranscript": fields.include_transcript,
    }


def _literal(document: Document) -> Document:
    # What an owner writes may begin with a dollar.
    return {name: {"$literal": value} for name, value in document.items()}


def _endpoint_of(document: Document) -> Endpoint:
    get = document.get
    known: Sequence[str] = tuple(EventType)
    reason = get("disabledReason")
    return Endpoint(
        id=str(document["_id"]),
        user_id=UserId(str(document["userId"])),
        fields=EndpointFields(
            url=document["url"],
            # One that only a newer release knows is left to it.
            events=tuple(EventType(event) for event in document["events"] if event in known),
            description=document["description"],
            include_transcript=document["includeTranscript"],
        ),
        enabled=document["enabled"],
        disabled_reason=None if reason is None else DisabledReason(reason),
        generation=document["generation"],
        overlap_until=get("overlapUntil"),
        failing_since=get("failingSince"),
        created_at=document["createdAt"],
    )
