"""(h): completed calls as fast as a process takes them, and how soon what follows them is done.

Half of the owners have a webhook for `call.ended`, at a receiver in this process. First calls are reported for a
while, by as many clients as keep the server busy; then, with no request to answer, a backlog is worked off that was
put into the database.
"""

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
from bson import ObjectId

from bench.calls import CALLER, percentile
from bench.processes import RunningServer, server
from callgenie.mongo.client import Database, connect

OWNERS = 16
# As many clients as `make overload` has for its peak.
CLIENTS = 24
SECONDS = 20.0
BACKLOG = 2_000
_DRAIN_SECONDS_MAX = 60.0
_LOOK_SECONDS = 0.1
_WAITS = {"followUpAt": {"$type": "date"}}
_IS_SENT = {"state": {"$ne": "waiting"}}


@dataclass(slots=True)
class Drain:
    """Rates are calls a second, times milliseconds.

    Attributes:
        taken: Completed calls that were acknowledged.
        followed: Calls of which nothing was left to be done any more, while others were taken.
        left: Calls that something still followed when the last one was taken.
        told_p50_ms: From the acknowledgement of a completed call to `call.ended` at its receiver.
        backlog: Calls put into the database to be followed up.
        drained: How fast they were.
        delivered: How fast their webhooks arrived.
        missing: Webhooks that did not arrive while calls were taken, nor in the minute after.
        taking_cpu_ms: CPU of the process for each call taken, with all that follows it.
        drained_cpu_ms: The same for each call of the backlog, webhooks included.
    """

    taken: float = 0.0
    followed: float = 0.0
    named: int = 0
    left: int = 0
    told: int = 0
    told_p50_ms: float = 0.0
    told_p99_ms: float = 0.0
    backlog: int = 0
    drained: float = 0.0
    delivered: float = 0.0
    missing: int = 0
    taking_cpu_ms: float = 0.0
    drained_cpu_ms: float = 0.0


class Receiver:
    """Takes webhooks, and notes when each call's `call.ended` came first."""

    def __init__(self) -> None:
        self.url = ""
        self.came: dict[str, float] = {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Receiver"]:
        """Listen on loopback during the block."""
        listening = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/in"
        async with listening:
            yield self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            body = await reader.readexactly(int(head.partition(b"content-length:")[2].partition(b"\r\n")[0]))
            message = json.loads(body)
            if message["type"] == "call.ended":
                self.came.setdefault(message["data"]["sessionId"], time.monotonic())
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok")
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@dataclass(slots=True)
class Clients:
    """Programs that report completed calls, each over one connection and one at a time."""

    url: str
    tokens: list[str]
    taken: dict[str, float] = field(default_factory=dict)
    refused: int = 0
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    async def keep_busy(self, seconds: float) -> None:
        """Report for so long."""
        end = time.monotonic() + seconds
        await asyncio.gather(*(self._client(place, end) for place in range(CLIENTS)))

    async def _client(self, place: int, end: float) -> None:
        address = urlsplit(self.url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        while time.monotonic() < end:
            number = next(self._numbers)
            session_id = f"call-{place}-{number}"
            body = json.dumps(
                {
                    "sessionId": session_id,
                    "phoneNumber": CALLER,
                    "userMessage": "Do you deliver?",
                    "aiResponse": "Yes, inside the city.",
                    "duration": 30,
                    "status": "completed",
                }
            )
            token = self.tokens[number % len(self.tokens)]
            writer.write(
                f"POST /api/user/conversations HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: Bearer {token}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
            )
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            await reader.readexactly(int(head.partition(b"content-length:")[2].partition(b"\r\n")[0]))
            if head.startswith(b"http/1.1 201"):
                self.taken[session_id] = time.monotonic()
            else:
                self.refused += 1
        writer.close()


async def measure(seconds: float = SECONDS, backlog: int = BACKLOG) -> Drain:
    """Report calls for so long, and work off a backlog of so many."""
    receiver = Receiver()
    more = {"WEBHOOK_ALLOW_HTTP": "on", "WEBHOOK_ALLOWED_HOSTS": "127.0.0.1"}
    async with receiver.running(), server("scripted", settings=more) as running:
        database = await connect(running.mongodb_uri())
        try:
            clients = Clients(running.url, await _owners(running, database, receiver))
            cpu = running.cpu_seconds()
            drain = await _under_load(clients, database, receiver, seconds)
            drain.taking_cpu_ms = (running.cpu_seconds() - cpu) * 1_000 / max(1, len(clients.taken))
            await _backlog(drain, database, receiver, backlog, running)
            return drain
        finally:
            await database.close()


async def _owners(running: RunningServer, database: Database, receiver: Receiver) -> list[str]:
    tokens = []
    async with httpx.AsyncClient(base_url=running.url, timeout=30, trust_env=False) as http:
        for number in range(OWNERS):
            body = {"email": f"{number}@example.com", "password": "measure twice cut once", "name": "Bench"}
            registered = (await http.post("/api/auth/register", json=body)).raise_for_status().json()
            tokens.append(registered["accessToken"])
            if number % 2:
                continue
            webhook = {"url": receiver.url, "events": ["call.ended"]}
            headers = {"Authorization": f"Bearer {tokens[-1]}"}
            (await http.post("/api/user/webhooks", json=webhook, headers=headers)).raise_for_status()
    await database.db["userprofiles"].update_many({}, {"$set": {"subscription.plan": "enterprise"}})
    return tokens


async def _under_load(clients: Clients, database: Database, receiver: Receiver, seconds: float) -> Drain:
    began = time.monotonic()
    await clients.keep_busy(seconds)
    took = time.monotonic() - began
    left = await database.db["conversations"].count_documents(_WAITS)
    await _until_at_rest(database)
    told = [(receiver.came[each] - at) * 1_000 for each, at in clients.taken.items() if each in receiver.came]
    wanted = await database.db["webhookdeliveries"].count_documents({})
    return Drain(
        taken=len(clients.taken) / took,
        followed=(len(clients.taken) - left) / took,
        left=left,
        told=len(told),
        told_p50_ms=percentile(told, 50) if told else 0.0,
        told_p99_ms=percentile(told, 99) if told else 0.0,
        missing=wanted - len(told),
    )


async def _backlog(drain: Drain, database: Database, receiver: Receiver, backlog: int, running: RunningServer) -> None:
    """Put copies of calls into the database, as a process would have left them that ended their calls and died."""
    conversations = database.db["conversations"]
    owners = await database.db["users"].distinct("_id")
    documents: list[dict[str, Any]] = []
    for number in range(backlog):
        owner = owners[number % len(owners)]
        call = (
            await conversations.find_one({"userId": owner}) if number < len(owners) else documents[number % len(owners)]
        )
        assert call is not None
        documents.append(call | {"_id": ObjectId(), "sessionId": f"left-{number}"})
    due = {"askedAt": "$$NOW", "dueAt": "$$NOW", "attempts": 0}
    named = [{"kind": kind, **due} for kind in ("call.ended", "analysis")]
    for document in documents:
        document.pop("analysis", None)
    await conversations.insert_many(documents)
    cpu = running.cpu_seconds()
    await conversations.update_many(
        {"sessionId": {"$regex": "^left-"}}, [{"$set": {"followUps": named, "followUpAt": "$$NOW"}}]
    )
    receiver.came.clear()
    before = await database.db["webhookdeliveries"].count_documents(_IS_SENT)
    began = time.monotonic()
    while await conversations.count_documents(_WAITS):
        if time.monotonic() - began > _DRAIN_SECONDS_MAX:
            break
        await asyncio.sleep(_LOOK_SECONDS)
    left = await conversations.count_documents(_WAITS)
    drain.backlog, drain.drained = backlog, (backlog - left) / (time.monotonic() - began)
    await _until_at_rest(database)
    sent = await database.db["webhookdeliveries"].count_documents(_IS_SENT) - before
    drain.drained_cpu_ms = (running.cpu_seconds() - cpu) * 1_000 / backlog
    drain.delivered = sent / (max(receiver.came.values(), default=began + 1) - began)


async def _until_at_rest(database: Database) -> None:
    until = time.monotonic() + _DRAIN_SECONDS_MAX
    while time.monotonic() < until:
        waits = await database.db["conversations"].count_documents(_WAITS, limit=1)
        if not waits and not await database.db["webhookdeliveries"].count_documents({"state": "waiting"}, limit=1):
            return
        await asyncio.sleep(_LOOK_SECONDS)
