"""The server is killed in the middle of a call: nothing that was acknowledged is lost, nothing is counted twice."""

import asyncio
import contextlib
import io
import signal
import wave
from pathlib import Path
from typing import Any

import httpx
import psutil
from tests.support.processes import PATIENCE_SECONDS, Running, becomes_true, lives
from tests.support.served_bakery import ended, open_bakery
from tests.support.served_program import serving_program, url_of

from callgenie.cli.demo.owner import DemoRefusedError, Owner
from callgenie.cli.demo.script import FIRST_QUESTION, SECOND_QUESTION
from callgenie.mongo.client import Document, connect
from callgenie.mongo.folder import DataFolder
from callgenie.telephony.simulator.carrier import Dialling, SimulatedCarrier
from callgenie.telephony.simulator.report import CallReport
from callgenie.telephony.simulator.script import Action, Listen, Pause, Say, rehearse
from callgenie.voice.providers.nanotts import NanoTextToSpeech
from callgenie.voice.providers.workers import Workers

AUTH_TOKEN = "the auth token of a test account"
NUMBER = "+14155550123"
SESSION_ID = "CA" + "c" * 32
# Greeting, question, answer, and the next question: the server dies while it is answering.
TURNS_BEFORE_THE_END = 4


def server(data_folder: Path) -> "contextlib.AbstractContextManager[Running]":
    return serving_program(data_folder, TWILIO_AUTH_TOKEN=AUTH_TOKEN, PUBLIC_URL="https://calls.example.com")


async def call(url: str) -> CallReport:
    script: list[Action] = [Listen(), Say(FIRST_QUESTION), Listen(), Say(SECOND_QUESTION), Pause(60_000)]
    steps = await rehearse(script, NanoTextToSpeech(Workers()), voice_name="nanotts-en-gb")
    dialling = Dialling("+14155550188", NUMBER, steps, session_id=SESSION_ID)
    async with SimulatedCarrier(url, AUTH_TOKEN, public_url="https://calls.example.com") as carrier:
        return await carrier.call(dialling)


async def turns_once_there(owner: Owner, wanted: int) -> list[dict[str, Any]]:
    turns: list[dict[str, Any]] = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(turns) < wanted:
            with contextlib.suppress(DemoRefusedError):
                turns = (await owner.conversation(SESSION_ID))["turns"]
            await asyncio.sleep(0.1)
    return turns


async def recorded_seconds(url: str, conversation: dict[str, Any]) -> float:
    """Return how long the recording is, by the link that the conversation gives, which names the public address."""
    assert conversation["recording"]["state"] == "stored"
    async with httpx.AsyncClient(timeout=PATIENCE_SECONDS) as client:
        answer = await client.get(conversation["audioUrl"].replace("https://calls.example.com", url))
    assert answer.status_code == 200, answer.text
    with wave.open(io.BytesIO(answer.content)) as recording:
        assert (recording.getnchannels(), recording.getframerate()) == (2, 8_000)
        seconds: float = recording.getnframes() / 8_000
    return seconds


async def let_leases_run_out(db: Any) -> None:
    """Make it a minute later for everything that has a lease: the same as waiting, and the test is shorter."""
    minute_ago = {"$subtract": ["$$NOW", 1_000]}
    for usage in await db.usage.find().to_list():
        expired = {f"holds.{key}.expiresAt": minute_ago for key in usage["holds"]}
        await db.usage.update_one({"_id": usage["_id"]}, [{"$set": {**expired, "nextExpiryAt": minute_ago}}])
    live: Document = {"leaseUntil": {"$type": "date"}}
    await db.conversations.update_many(live, [{"$set": {"leaseUntil": minute_ago}}])


async def test_a_killed_server_loses_no_word_and_counts_the_call_once(data_folder: Path) -> None:
    with server(data_folder) as first:
        url = await url_of(data_folder, first)
        async with Owner(url) as owner:
            await open_bakery(owner, data_folder, NUMBER, recordCalls=True)
            calling = asyncio.create_task(call(url))
            acknowledged = await turns_once_there(owner, TURNS_BEFORE_THE_END)
            authorization = owner.authorization
            held = (await owner.usage())["seconds"]["held"]
        mongods = first.descendants("mongod")
        first.end(signal.SIGKILL)
        report = await calling
    assert held >= 60
    assert report.stream is not None
    assert mongods
    assert becomes_true(lambda: not any(lives(process) for process in mongods))

    with server(data_folder) as second:
        url = await url_of(data_folder, second)
        async with Owner(url, authorization=authorization) as owner:
            database = await connect(DataFolder(data_folder).uri)
            await let_leases_run_out(database.db)
            conversation = await ended(owner, SESSION_ID)
            usage = await owner.usage()
            await asyncio.sleep(6)  # another sweep finds nothing left to do
            again = await owner.usage()
            stored = await database.db.usage.find_one({})
            conversation = await owner.conversation(SESSION_ID)
            recorded = await recorded_seconds(url, conversation)
            await database.close()
        assert second.end(signal.SIGTERM) == 0
    assert not psutil.pid_exists(second.pid)

    # What was said in the last moments before the kill was not on the disk yet.
    assert acknowledged[-1]["endedMs"] / 1_000 - 3 <= recorded <= report.stream.duration_ms / 1_000 + 1
    assert conversation["turns"][: len(acknowledged)] == acknowledged
    assert conversation["endedReason"] == "lease-expired"
    assert conversation["fault"] == "platform"
    spoken_seconds = acknowledged[-1]["endedMs"] / 1_000
    assert spoken_seconds - 1 <= conversation["billableSeconds"] <= report.stream.duration_ms / 1_000 + 1
    assert usage["seconds"]["used"] == conversation["billableSeconds"]
    assert usage["calls"]["used"] == 1
    assert usage["seconds"]["held"] == usage["calls"]["active"] == 0
    assert again == usage
    assert stored is not None
    assert stored["holds"] == {}
