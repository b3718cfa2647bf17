"""One way to the database: a client with every default that matters pinned, deadlines, and safe repetition."""

import asyncio
import random
import re
import warnings
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl, unquote, urlencode

import pymongo
import structlog
from pymongo import AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    ConfigurationError,
    ExecutionTimeout,
    InvalidName,
    InvalidURI,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WaitQueueTimeoutError,
    WriteConcernError,
)
from pymongo.monitoring import ConnectionPoolListener
from pymongo.read_concern import ReadConcern

from callgenie.kernel.errors import DomainError
from callgenie.mongo.driver_waiting import mend_waiting
from callgenie.mongo.errors import (
    DatabaseAddressError,
    DatabaseBusyError,
    DatabaseSignInError,
    DatabaseUnreachableError,
    ServerTooOldError,
    StandaloneServerError,
)

mend_waiting()

T = TypeVar("T")
Document = dict[str, Any]

_log = structlog.get_logger(__name__)

OPTION_IGNORED = "database.option_ignored"

DEFAULT_DATABASE: Final = "callgenie"

# The driver's own defaults wait 30 s for a server and for ever on a socket: a caller would hear silence. Majority and
# journal, because a write acknowledged by one node alone is lost when that node is.
PINS: Final[dict[str, str | int | bool]] = {
    "w": "majority",
    "journal": True,
    "retryWrites": True,
    "retryReads": True,
    "readConcernLevel": "majority",
    "serverSelectionTimeoutMS": 8_000,
    "connectTimeoutMS": 2_000,
    "waitQueueTimeoutMS": 2_000,
    "maxPoolSize": 50,
    "minPoolSize": 5,
    "maxConnecting": 4,
    "appname": "callgenie",
}

# The same option under the names a connection string may give it.
_OTHER_NAMES: Final = {"j": "journal"}

# MongoDB 6.0. Partial indexes over `$in` and what the ledger's pipeline updates use are all there from this release on.
_WIRE_VERSION_MIN: Final = 17

_AUTHENTICATION_FAILED: Final = 18
_UNAUTHORIZED: Final = 13
# Atlas has a code of its own for a wrong user or password.
_ATLAS_ERROR: Final = 8_000

# A document that a collection's `$jsonSchema` refuses.
_VALIDATION_FAILED: Final = 121

# How long the first host has to say what it is, when no server was found that fits the connection string.
_HELLO_SECONDS: Final = 5.0

_REPEATABLE_LABELS: Final = ("RetryableWriteError", "TransientTransactionError")

# A primary that steps down in the middle of a write says so as that write's own error. The driver labels nothing then,
# and takes it for a mistake of ours. The codes are those of its specification for what may be asked again.
_NO_PRIMARY_CODES: Final = frozenset(
    {
        91,  # ShutdownInProgress
        189,  # PrimarySteppedDown
        10058,  # LegacyNotPrimary
        10107,  # NotWritablePrimary
        11600,  # InterruptedAtShutdown
        11602,  # InterruptedDueToReplStateChange
        13435,  # NotPrimaryNoSecondaryOk
        13436,  # NotPrimaryOrSecondary
    }
)

# The first pause before asking again, and the longest: an election takes seconds, a closed connection none.
_PAUSE_FIRST_SECONDS: Final = 0.05
_PAUSE_LONGEST_SECONDS: Final = 0.8
_jitter = random.SystemRandom()


class PoolUse(ConnectionPoolListener):
    """How many connections there are, and how many of them are at work."""

    def __init__(self) -> None:
        self.open = 0
        self.in_use = 0

    def connection_created(self, event: object) -> None:  # noqa: ARG002 - all connections count alike
        """Count a new connection."""
        self.open += 1

    def connection_closed(self, event: object) -> None:  # noqa: ARG002
        """Count one less."""
        self.open -= 1

    def connection_checked_out(self, event: object) -> None:  # noqa: ARG002
        """Count one that goes to work."""
        self.in_use += 1

    def connection_checked_in(self, event: object) -> None:  # noqa: ARG002
        """Count one that is done."""
        self.in_use -= 1

    def _ignore(self, event: object) -> None:
        """Take what changes neither figure."""

    pool_created = pool_ready = pool_cleared = pool_closed = _ignore
    connection_ready = connection_check_out_started = connection_check_out_failed = _ignore


@dataclass(frozen=True, slots=True)
class Database:
    """A connected client and the database in it that is ours."""

    client: AsyncMongoClient[Document]
    db: AsyncDatabase[Document]
    pool: PoolUse = field(default_factory=PoolUse)

    async def close(self) -> None:
        """Close every connection. Closing twice is harmless."""
        await self.client.close()


def deadline(seconds: float = 5.0) -> AbstractContextManager[None]:
    """Bound everything the driver does inside the block, repetitions included; a shorter outer deadline stays.

    Raises:
        DatabaseBusyError: There are no seconds. The block is not entered.
    """
    if seconds <= 0:
        # To the driver, 0 would mean that there is no bound.
        raise DatabaseBusyError("The database cannot take this now. Try again in a moment.")
    return pymongo.timeout(seconds)


def is_repeatable(error: PyMongoError) -> bool:
    """Tell whether the operation may succeed when asked again; whether it was done already is unknown."""
    # A write concern that was not met says of a write that it was done, and not by how many.
    if isinstance(error, AutoReconnect | WriteConcernError | WaitQueueTimeoutError):
        return True
    if isinstance(error, BulkWriteError):
        # Without any, every write was done, and not said by a majority yet.
        errors = (error.details or {}).get("writeErrors", [])
        return all(each["code"] in _NO_PRIMARY_CODES for each in errors)
    if isinstance(error, OperationFailure) and error.code in _NO_PRIMARY_CODES:
        return True
    return any(error.has_error_label(label) for label in _REPEATABLE_LABELS)


async def retrying(operation: Callable[[], Awaitable[T]], *, seconds: float = 5.0) -> T:
    """Run `operation` until the database took it, for at most `seconds`.

    Only for what may be done twice: the first attempt may have arrived although its answer did not.

    Raises:
        DatabaseBusyError: The time is over; what became of the operation is unknown.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    pause = _PAUSE_FIRST_SECONDS
    with deadline(seconds):
        while True:
            try:
                return await operation()
            except PyMongoError as error:
                if isinstance(error, OperationFailure) and error.code == _VALIDATION_FAILED:
                    raise _without_the_value(error) from None
                if not is_repeatable(error) and not (error.timeout or isinstance(error, ExecutionTimeout)):
                    raise
                wait = pause * _jitter.uniform(0.5, 1.5)
                if loop.time() + wait >= end or not is_repeatable(error):
                    raise DatabaseBusyError("The database cannot take this now. Try again in a moment.") from error
                await asyncio.sleep(wait)
                pause = min(pause * 2, _PAUSE_LONGEST_SECONDS)


def newest(collection: AsyncCollection[Document]) -> AsyncCollection[Document]:
    """Return a collection to ask what is over, such as a session: its answers are not older than what was acknowledged.

    For a moment after an election, reads of what a majority has are answered from before the last writes that were
    acknowledged. What these reads show may in turn still be undone: never acknowledge anything because of it.
    """
    return collection.with_options(read_concern=ReadConcern("local"))


def only_when_new(fields: Document, *, made_at: str = "createdAt") -> list[Document]:
    """Return the steps of an upsert that writes `fields`, `made_at` among them, or leaves a document as it is.

    The first attempt may arrive long after the second: it must not undo what has become of the document since then.
    """
    is_new: Document = {"$eq": [{"$type": f"${made_at}"}, "missing"]}
    return [{"$replaceWith": {"$cond": [is_new, {"$mergeObjects": ["$$ROOT", fields]}, "$$ROOT"]}}]


def _without_the_value(error: OperationFailure) -> OperationFailure:
    """Return the same refusal without the value that the server quotes: what a caller said, and whose number it was."""
    return type(error)("The document is not of the shape that its collection asks for.", error.code)


async def connect(uri: str, *, listeners: Sequence[Any] = ()) -> Database:
    """Connect and look whether the server is one we can rely on.

    What the connection string sets itself wins over our pins. Its database name is ours, or `callgenie` without one.

    Raises:
        DatabaseAddressError: The connection string cannot be read, or names another replica set.
        DatabaseUnreachableError: No primary answered.
        DatabaseSignInError: The server refuses the user or password.
        StandaloneServerError: The server is not part of a replica set.
        ServerTooOldError: The server is older than MongoDB 6.0.
    """
    pool = PoolUse()
    client = _client(uri, [*listeners, pool])
    try:
        db = client.get_default_database(DEFAULT_DATABASE)
        await _verify(client, uri)
    except BaseException:
        await client.close()
        raise
    return Database(client, db, pool)


def _client(uri: str, listeners: Sequence[Any]) -> AsyncMongoClient[Document]:
    # The driver's sentences may quote the part of the string that it could not read, and that may be the password.
    # Without a scheme it takes the whole string for a host's name.
    if not uri.startswith(("mongodb://", "mongodb+srv://")):
        raise _unreadable()
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            client: AsyncMongoClient[Document] = AsyncMongoClient(
                uri, tz_aware=True, event_listeners=list(listeners), **_pins_for(uri)
            )
            client.get_default_database(DEFAULT_DATABASE)
    except (InvalidURI, ConfigurationError, InvalidName, ValueError, TypeError):
        raise _unreadable() from None
    for warning in warned:
        _judge(str(warning.message))
    return client


def _unreadable() -> DatabaseAddressError:
    return DatabaseAddressError(
        "MONGODB_URI cannot be read. It looks like mongodb://host:27017/callgenie?replicaSet=rs0; "
        "characters such as @ : / in a password must be percent-encoded."
    )


def _judge(warning: str) -> None:
    # An option that only other drivers know changes nothing. For the value of one of these that it cannot use, the
    # driver takes a default of its own, which is not what anybody wanted.
    if not warning.startswith("Unknown option"):
        for name in PINS:
            if re.search(rf"\b{name}\b", warning, re.IGNORECASE):
                raise DatabaseAddressError(f"The option {name} in MONGODB_URI has a value that it cannot have.")
    _log.warning(OPTION_IGNORED, hint="MONGODB_URI has an option that is unknown or has a wrong value")


def hosts_of(uri: str) -> str:
    """Return where a connection string leads, without user, password, database and options."""
    return unquote(_encoded_hosts_of(uri)) or "nowhere"


def _encoded_hosts_of(uri: str) -> str:
    rest = uri.partition("://")[2].rpartition("@")[2]
    return re.split(r"[/?]", rest, maxsplit=1)[0]


def _pins_for(uri: str) -> dict[str, Any]:
    given = {name.lower() for name, _ in parse_qsl(uri.partition("?")[2], keep_blank_values=True)}
    given |= {_OTHER_NAMES[name] for name in given & _OTHER_NAMES.keys()}
    return {name: value for name, value in PINS.items() if name.lower() not in given}


async def _verify(client: AsyncMongoClient[Document], uri: str) -> None:
    place = hosts_of(uri)
    try:
        hello = await client.admin.command("hello")
    except ServerSelectionTimeoutError:
        raise (await _unreachable(client, uri)) from None
    except OperationFailure as error:
        if error.code in {_AUTHENTICATION_FAILED, _UNAUTHORIZED, _ATLAS_ERROR}:
            raise DatabaseSignInError(
                f"The database at {place} refuses the user or password in MONGODB_URI. "
                "Check both, and authSource if the user belongs to another database."
            ) from None
        raise DatabaseUnreachableError(f"The database at {place} refused to talk (code {error.code}).") from None
    except PyMongoError:
        raise (await _unreachable(client, uri)) from None
    if "setName" not in hello and hello.get("msg") != "isdbgrid":
        raise _not_a_set(hello, place)
    if hello["maxWireVersion"] < _WIRE_VERSION_MIN:
        raise ServerTooOldError(f"The database at {place} is older than MongoDB 6.0. Upgrade it, or use another.")


def _not_a_set(hello: Document, place: str) -> StandaloneServerError:
    if hello.get("isreplicaset"):
        return StandaloneServerError(
            f"The MongoDB at {place} is waiting to become a replica set. Run `rs.initiate()` on it once in mongosh."
        )
    return StandaloneServerError(
        f"The MongoDB at {place} is a standalone server, on which interrupted writes cannot be repeated safely. "
        "Make it a replica set of one: start mongod with --replSet rs0 and run `rs.initiate()` once in mongosh; "
        "or leave MONGODB_URI empty and CallGenie runs its own."
    )


async def _unreachable(client: AsyncMongoClient[Document], uri: str) -> DomainError:
    place = hosts_of(uri)
    servers = client.topology_description.server_descriptions().values()
    if any(server.server_type_name == "RSGhost" for server in servers):
        return _not_a_set({"isreplicaset": True}, place)
    if any(server.server_type_name.startswith("RS") for server in servers):
        return DatabaseUnreachableError(
            f"The replica set at {place} has no primary that can be reached from here. "
            "Check `rs.status()`, the set's name in MONGODB_URI, and that its members' host names resolve here."
        )
    # The driver passes over a server that is not of the set, as if it were not there, or takes it for one that is away.
    hello = await _hello_of_first_host(uri)
    found, wanted = hello.get("setName"), client.options.replica_set_name
    if hello and found is None and hello.get("msg") != "isdbgrid":
        return _not_a_set(hello, place)
    if found is not None and wanted is not None and found != wanted:
        return DatabaseAddressError(
            f"The replica set at {place} is called {found}, not {wanted}. Write replicaSet={found} in MONGODB_URI."
        )
    return DatabaseUnreachableError(
        f"The database at {place} does not answer. Check that MongoDB runs there, that host and port in MONGODB_URI "
        "are right, and that a firewall (for Atlas: its IP access list) lets this machine in."
    )


async def _hello_of_first_host(uri: str) -> Document:
    """Return what the first host says of itself, whichever set it is asked as; nothing where it says nothing.

    It is asked without user and password, which it wants for everything but this.
    """
    if not uri.startswith("mongodb://"):
        # The hosts are a matter of the DNS, and of whoever runs a cluster under such a name.
        return {}
    options = parse_qsl(uri.partition("?")[2], keep_blank_values=True)
    encryption = urlencode([(name, value) for name, value in options if name.lower().startswith(("tls", "ssl"))])
    with warnings.catch_warnings():
        # What is wrong with an option was said already.
        warnings.simplefilter("ignore")
        host: AsyncMongoClient[Document] = AsyncMongoClient(
            f"mongodb://{_encoded_hosts_of(uri).partition(',')[0]}/?{encryption}",
            directConnection=True,
            connectTimeoutMS=int(_HELLO_SECONDS * 1_000),
        )
    try:
        with deadline(_HELLO_SECONDS):
            return await host.admin.command("hello")
    except PyMongoError:
        return {}
    finally:
        await host.close()
