"""Another program's database, to be read and nothing else: it may be a standalone server, and old."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import parse_qsl

from bson.codec_options import DatetimeConversion
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import ConfigurationError, InvalidName, InvalidURI, OperationFailure, PyMongoError

from callgenie.mongo.client import DEFAULT_DATABASE, hosts_of
from callgenie.mongo.errors import DatabaseAddressError, DatabaseSignInError, DatabaseUnreachableError

Document = dict[str, Any]

_OPTIONS: Final[dict[str, Any]] = {
    "serverSelectionTimeoutMS": 8_000,
    "connectTimeoutMS": 2_000,
    # A large collection is sorted by the server before the first document comes.
    "socketTimeoutMS": 600_000,
    "appname": "callgenie-migrate",
    "tz_aware": True,
    # What cannot be read must not end the reading of all the rest.
    "unicode_decode_error_handler": "replace",
    "datetime_conversion": DatetimeConversion.DATETIME_AUTO,
}


@asynccontextmanager
async def open_source(uri: str) -> AsyncIterator[AsyncDatabase[Document]]:
    """Yield the database that the address names, or `callgenie` where it names none.

    Raises:
        DatabaseAddressError: The address cannot be read.
        DatabaseUnreachableError: Nothing answers there.
        DatabaseSignInError: The user or password is wrong.
    """
    try:
        client: AsyncMongoClient[Document] = AsyncMongoClient(uri, **_options_for(uri))
        db = client.get_default_database(DEFAULT_DATABASE)
    except (InvalidURI, ConfigurationError, InvalidName, ValueError, TypeError):
        raise DatabaseAddressError(
            "The address of the source cannot be read. It looks like mongodb://localhost:27017/callgenie; "
            "characters such as @ : / in a password must be percent-encoded."
        ) from None
    try:
        await _greet(db, hosts_of(uri))
        yield db
    finally:
        await client.close()


def _options_for(uri: str) -> dict[str, Any]:
    # What the address says itself wins.
    given = {name.lower() for name, _ in parse_qsl(uri.partition("?")[2], keep_blank_values=True)}
    return {name: value for name, value in _OPTIONS.items() if name.lower() not in given}


async def _greet(db: AsyncDatabase[Document], place: str) -> None:
    try:
        # Reading a document is what tells whether the password is right.
        await db["users"].find_one({}, {"_id": 1})
    except OperationFailure:
        raise DatabaseSignInError(
            f"The source at {place} refuses to be read. Check user and password in its address, "
            "and authSource if the user belongs to another database."
        ) from None
    except PyMongoError:
        raise DatabaseUnreachableError(
            f"The source at {place} does not answer. Check that MongoDB runs there and that its address is right."
        ) from None


async def are_the_same(one: AsyncDatabase[Document], other: AsyncDatabase[Document]) -> bool:
    """Tell whether the two are one and the same database, whatever their addresses say."""
    return one.name == other.name and await _process(one) == await _process(other)


async def _process(db: AsyncDatabase[Document]) -> object:
    # Every mongod has an id of its own from its start on (4.4 and newer, which ours always is).
    hello = await db.client.admin.command("hello")
    return hello.get("topologyVersion", {}).get("processId")
