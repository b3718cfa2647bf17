"""What is over stays over, also in the moment after an election, in which majority reads are older than what was said.

Two secondaries that take nothing over are such a moment that lasts: what the primary has written is not yet read by
those who ask for what a majority has.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import ObjectId
from pymongo import AsyncMongoClient, WriteConcern
from pymongo.asynchronous.database import AsyncDatabase
from tests.faults.replica_set import ReplicaSet, replica_set

from callgenie.mongo.client import connect
from callgenie.mongo.schema import init_db
from callgenie.numbers.do_not_call_store import DoNotCallStore
from callgenie.users.api_key_models import ApiScope
from callgenie.users.api_key_store import ApiKeyStore
from callgenie.users.models import NewUser
from callgenie.users.session_store import SessionStore
from callgenie.users.store import UserStore

EMAIL = "owner@example.com"
NUMBER = "+14155550123"
KEY_HASH = "0" * 64


@asynccontextmanager
async def nothing_taken_over(cluster: ReplicaSet) -> AsyncIterator[None]:
    """Have the secondaries stay where they are; they still follow their primary."""
    primary = await cluster.primary()
    others = [
        AsyncMongoClient[dict[str, Any]](node.host, directConnection=True)
        for node in cluster.nodes
        if node is not primary
    ]

    async def switch(mode: str) -> None:
        for other in others:
            await other.admin.command({"configureFailPoint": "stopReplProducer", "mode": mode})

    await switch("alwaysOn")
    try:
        yield
    finally:
        await switch("off")
        for other in others:
            await other.close()


def unconfirmed(db: AsyncDatabase[dict[str, Any]], name: str) -> Any:
    """Return a collection whose writes are done when the primary has them."""
    return db[name].with_options(write_concern=WriteConcern(w=1))


async def test_what_is_over_is_over_for_whoever_asks_right_after_an_election() -> None:
    async with replica_set() as cluster:
        database = await connect(cluster.uri)
        try:
            db = database.db
            await init_db(db)
            user = await UserStore(db).insert(
                NewUser(email=EMAIL, password_hash="old", name="Owner", phone=None, created_at=datetime.now(UTC))
            )
            sessions, keys, forbidden = SessionStore(db), ApiKeyStore(db), DoNotCallStore(db)
            session_id, key_id = str(ObjectId()), str(ObjectId())
            await sessions.open(session_id, user.id, auth_epoch=0, refresh_hash="r", life=timedelta(days=1))
            await keys.insert(
                user.id, key_id, name="k", key_hash=KEY_HASH, hint="h", scopes=[ApiScope.USAGE_READ], keys_max=5
            )
            async with nothing_taken_over(cluster):
                now = datetime.now(UTC)
                await unconfirmed(db, "sessions").update_one({}, {"$set": {"endedAt": now}})
                await unconfirmed(db, "apikeys").update_one({}, {"$set": {"deletedAt": now}})
                await unconfirmed(db, "users").update_one({}, {"$set": {"passwordHash": "new"}})
                await unconfirmed(db, "donotcall").insert_one(
                    {"userId": ObjectId(user.id), "phoneNumber": NUMBER, "addedAt": now}
                )
                # Otherwise it is not such a moment.
                assert await db["sessions"].find_one({"endedAt": None}) is not None

                assert await sessions.find(session_id) is None
                assert not await sessions.exists(user.id, session_id)
                assert await sessions.page(user.id, session_id, after=None, limit=10) == []
                assert await keys.find_holder(key_id, KEY_HASH) is None
                assert await keys.of_user(user.id) == []
                credentials = await UserStore(db).find_credentials(EMAIL)
                assert credentials is not None
                assert credentials.password_hash == "new"
                assert await forbidden.get(user.id, NUMBER) is not None
        finally:
            await database.close()
