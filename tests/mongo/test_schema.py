"""The shape of the database: made, mended, checked, by one process or by several at once."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError, OperationFailure, WriteError

from callgenie.mongo.client import Database, connect
from callgenie.mongo.errors import SchemaConflictError
from callgenie.mongo.schema import COLLECTIONS, check_db, init_db
from callgenie.mongo.schema.models import STRING, Collection, Index

Db = AsyncDatabase[dict[str, Any]]

PETS = Collection(
    name="pets",
    required=("name",),
    properties={"name": STRING},
    indexes=(
        Index("name_unique", (("name", 1),), unique=True),
        Index("words", (("owner", 1), ("story", "text"))),
        Index("bornAt_ttl", (("bornAt", 1),), expire_after_seconds=60),
    ),
)


@pytest.fixture
async def empty(connected: Database) -> AsyncIterator[Db]:
    """A database of its own in which nothing is yet."""
    name = f"schema{ObjectId()}"
    yield connected.client[name]
    await connected.client.drop_database(name)


async def test_a_new_database_gets_everything_once(empty: Db) -> None:
    assert len(await check_db(empty)) == len(COLLECTIONS)
    done = await init_db(empty)
    assert len(done) == len(COLLECTIONS)
    assert done[0] == "Created collection users with 3 indexes."
    assert await init_db(empty) == []
    assert await check_db(empty) == []


async def test_a_check_changes_nothing(empty: Db) -> None:
    assert await check_db(empty) == await check_db(empty)
    assert await empty.list_collection_names() == []


async def test_every_collection_of_the_guide_has_its_indexes(database: Db) -> None:
    for collection in COLLECTIONS:
        names = {index["name"] async for index in await database[collection.name].list_indexes()}
        assert names == {"_id_", *(index.name for index in collection.indexes)}


async def test_a_dropped_validator_is_put_back(empty: Db) -> None:
    await init_db(empty, [PETS])
    await empty.command("collMod", "pets", validator={}, validationLevel="off")
    await empty["pets"].insert_one({"noName": 1})
    assert await check_db(empty, [PETS]) == ["The validator of pets differs."]
    assert await init_db(empty, [PETS]) == ["Updated the validator of pets."]
    with pytest.raises(WriteError):
        await empty["pets"].insert_one({"noName": 1})


@pytest.mark.parametrize("option", [{"validationLevel": "moderate"}, {"validationAction": "warn"}])
async def test_a_weakened_validator_is_made_strict(empty: Db, option: dict[str, str]) -> None:
    await init_db(empty, [PETS])
    await empty.command({"collMod": "pets", **option})
    assert await init_db(empty, [PETS]) == ["Updated the validator of pets."]
    assert await check_db(empty, [PETS]) == []


@pytest.mark.parametrize("name", ["name_unique", "words", "bornAt_ttl"])
async def test_a_dropped_index_is_built_again(empty: Db, name: str) -> None:
    await init_db(empty, [PETS])
    await empty["pets"].drop_index(name)
    assert await check_db(empty, [PETS]) == [f"Index {name} of pets is missing."]
    assert await init_db(empty, [PETS]) == [f"Created index {name} of pets."]
    assert await check_db(empty, [PETS]) == []


@pytest.mark.parametrize(
    "changed",
    [
        Index("name_unique", (("name", -1),), unique=True),
        Index("name_unique", (("name", 1), ("owner", 1)), unique=True),
        Index("name_unique", (("name", 1),)),
        Index("name_unique", (("name", 1),), unique=True, where={"name": {"$type": "string"}}),
        Index("words", (("owner", 1), ("story", "text"), ("poem", "text"))),
        Index("words", (("story", "text"),)),
        Index("bornAt_ttl", (("bornAt", 1),), expire_after_seconds=61),
        Index("bornAt_ttl", (("bornAt", 1),)),
        # By another name what is there stands in the way all the same.
        Index("renamed", (("name", 1),), unique=True),
        Index("otherWords", (("tale", "text"),)),
    ],
    ids=str,
)
async def test_an_index_that_changed_is_built_anew(empty: Db, changed: Index) -> None:
    await init_db(empty, [PETS])
    later = Collection("pets", PETS.required, PETS.properties, (changed,))
    assert await check_db(empty, [later]) == [f"Index {changed.name} of pets differs."]
    assert await init_db(empty, [later]) == [f"Rebuilt index {changed.name} of pets."]
    assert await check_db(empty, [later]) == []
    assert await init_db(empty, [later]) == []


async def test_the_order_of_an_index_matters(empty: Db) -> None:
    one = Collection("pets", ("a",), {}, (Index("pair", (("a", 1), ("b", 1))),))
    other = Collection("pets", ("a",), {}, (Index("pair", (("b", 1), ("a", 1))),))
    await init_db(empty, [one])
    assert await init_db(empty, [other]) == ["Rebuilt index pair of pets."]
    assert await init_db(empty, [other]) == []


async def test_what_somebody_added_stays(empty: Db) -> None:
    await init_db(empty, [PETS])
    await empty["pets"].create_index("colour", name="mine")
    await empty["others"].insert_one({"a": 1})
    assert await init_db(empty, [PETS]) == []
    assert "mine" in {index["name"] async for index in await empty["pets"].list_indexes()}


async def test_documents_in_the_way_of_a_unique_index_are_one_sentence_without_their_values(empty: Db) -> None:
    await empty["pets"].insert_many([{"name": "s3cret@example.net"}, {"name": "s3cret@example.net"}])
    with pytest.raises(SchemaConflictError, match=r"name_unique of pets.*share the same value \(name\)") as caught:
        await init_db(empty, [PETS])
    assert "s3cret" not in caught.value.detail


async def test_processes_that_do_it_at_once_all_succeed(mongodb_uri: str, empty: Db) -> None:
    others = [await connect(mongodb_uri) for _ in range(4)]
    try:
        done = await asyncio.gather(*(init_db(other.client[empty.name]) for other in others))
    finally:
        for other in others:
            await other.close()
    assert await check_db(empty) == []
    made = [line for lines in done for line in lines if line.startswith("Created collection")]
    assert len(made) == len(COLLECTIONS)


async def test_processes_that_mend_at_once_all_succeed(mongodb_uri: str, empty: Db) -> None:
    await init_db(empty, [PETS])
    changed = Collection(
        "pets",
        ("name", "owner"),
        PETS.properties,
        (Index("name_unique", (("name", 1), ("a", 1)), unique=True), Index("words", (("story", "text"),))),
    )
    others = [await connect(mongodb_uri) for _ in range(4)]
    try:
        await asyncio.gather(*(init_db(other.client[empty.name], [changed]) for other in others))
    finally:
        for other in others:
            await other.close()
    assert await check_db(empty, [changed]) == []


async def test_the_validator_refuses_a_negative_count(database: Db) -> None:
    user = ObjectId()
    usage = {"_id": "a", "userId": user, "periodStart": user.generation_time, "holds": {}, "gone": []}
    await database["usage"].insert_one({**usage, "calls": 0, "seconds": 0, "held": 0})
    with pytest.raises(WriteError):
        await database["usage"].update_one({"_id": "a"}, {"$inc": {"held": -1}})
    with pytest.raises(WriteError):
        await database["usage"].update_one({"_id": "a"}, {"$set": {"seconds": 0.5}})


async def test_two_users_cannot_have_one_number_nor_one_user_two(database: Db) -> None:
    user, numbers = ObjectId(), database["phonenumbers"]
    await numbers.insert_one({"_id": "+14155550100", "state": "assigned", "userId": user})
    await numbers.insert_many([{"_id": f"+1415555020{n}", "state": "free"} for n in range(3)])
    with pytest.raises(DuplicateKeyError):
        await numbers.insert_one({"_id": "+14155550101", "state": "assigned", "userId": user})


async def test_a_language_field_in_a_document_is_no_stumbling_block_for_the_words(empty: Db) -> None:
    await init_db(empty, [PETS])
    await empty["pets"].insert_one({"name": "a", "owner": 1, "story": "will the café be open", "language": "en-GB"})
    found = empty["pets"].find({"owner": 1, "$text": {"$search": "the"}})
    assert [pet["name"] async for pet in found] == ["a"]
    with pytest.raises(OperationFailure):
        # The prefix keeps one user's words apart from another's: without it there is no answer at all.
        await empty["pets"].find_one({"$text": {"$search": "will"}})
