"""Several processes on one port: none of them is missed, and none of them is left behind."""

import asyncio
import signal
from pathlib import Path
from typing import Any

import httpx
import psutil
from pymongo.asynchronous.database import AsyncDatabase
from tests.support.processes import LET_GO, PATIENCE_SECONDS, Running, becomes_true, lives, running
from tests.support.web_caller import WebCaller

from callgenie.cli.demo.owner import Owner
from callgenie.mongo.folder import DataFolder
from callgenie.telephony.simulator.carrier import ACCOUNT_SID, Dialling, SimulatedCarrier
from callgenie.telephony.simulator.dialect import Dialect
from callgenie.telephony.simulator.script import HangUp, Listen
from callgenie.telephony.simulator.stream import MediaCall
from callgenie.telephony.twilio.twiml import ConnectStream, read

SERVER = "tests.support.little_worker"
TOKEN = "0123456789abcdef0123456789abcdef"


def workers_of(server: Running, module: str = SERVER) -> list[psutil.Process]:
    children = psutil.Process(server.pid).children(recursive=True)
    return [child for child in children if lives(child) and module in child.cmdline()]


def mongod_of(server: Running) -> psutil.Process:
    [process] = [found for found in server.descendants("mongod") if found.name() == "mongod"]
    return process


def who_answers(url: str) -> int:
    # A connection of its own for each question: who has one keeps its worker.
    return int(httpx.get(url, timeout=PATIENCE_SECONDS).text)


def who_has_a_call(url: str) -> int:
    """Start a call that lasts until its worker is told to let go; return which one has it."""
    return int(httpx.post(url + "/call", timeout=PATIENCE_SECONDS).text)


def test_all_answer_on_one_port_and_a_signal_ends_them_all(data_folder: Path) -> None:
    with running(SERVER, "serve", data_folder, 3) as server:
        url = server.wait_for("ready")
        workers, mongod = workers_of(server), mongod_of(server)
        assert len(workers) == 3
        assert becomes_true(lambda: who_answers(url) != who_answers(url))
        note = DataFolder(data_folder).server()
        assert note is not None
        assert (note.pid, note.url) == (server.pid, url)
        assert server.end(signal.SIGTERM) == 0
        assert sorted(line for line in server.said if line.startswith("put away")) == sorted(
            f"put away {worker.pid}" for worker in workers
        ), server.said
        assert not any(map(lives, [*workers, mongod]))
        assert server.said[-1] == "stopped"


def test_a_killed_worker_is_replaced_and_the_port_keeps_answering(data_folder: Path, mongodb_uri: str) -> None:
    with running(SERVER, "serve", data_folder, 2, MONGODB_URI=mongodb_uri) as server:
        url = server.wait_for("ready")
        before = {worker.pid for worker in workers_of(server)}
        for worker in workers_of(server):
            worker.kill()
            # Also with the last one gone: whoever comes now waits until the next one is there.
            assert who_answers(url) > 0
        assert becomes_true(lambda: len(workers_of(server)) == 2 and before.isdisjoint(alive(server)))
        assert becomes_true(lambda: {who_answers(url) for _ in range(20)} <= set(alive(server)))
        assert server.end(signal.SIGTERM) == 0


def alive(server: Running) -> list[int]:
    return [worker.pid for worker in workers_of(server)]


def test_calls_of_every_worker_may_finish(data_folder: Path, mongodb_uri: str) -> None:
    with running(SERVER, "serve", data_folder, 2, MONGODB_URI=mongodb_uri) as server:
        url = server.wait_for("ready")
        busy = who_has_a_call(url)
        assert becomes_true(lambda: who_has_a_call(url) != busy)
        server.process.send_signal(signal.SIGTERM)
        waited_for = {server.wait_for("draining") for _ in range(2)}
        assert "0" not in waited_for
        assert not becomes_true(lambda: server.process.poll() is not None, 1)
        for worker in workers_of(server):
            worker.send_signal(LET_GO)
        assert server.end() == 0
        assert len([line for line in server.said if line.startswith("put away")]) == 2


def test_a_service_manager_that_signals_everybody_ends_no_call(data_folder: Path, mongodb_uri: str) -> None:
    with running(SERVER, "serve", data_folder, 2, MONGODB_URI=mongodb_uri) as server:
        url = server.wait_for("ready")
        busy = who_has_a_call(url)
        for process in (psutil.Process(server.pid), *workers_of(server)):
            process.send_signal(signal.SIGTERM)
        server.wait_for("draining 1")
        psutil.Process(busy).send_signal(LET_GO)
        assert server.end() == 0
        assert f"put away {busy}" in server.said


def test_a_killed_parent_leaves_nobody_behind(data_folder: Path) -> None:
    with running(SERVER, "serve", data_folder, 2) as server:
        server.wait_for("ready")
        everybody = [*workers_of(server), mongod_of(server)]
        server.process.kill()
        assert becomes_true(lambda: not any(map(lives, everybody)))


def test_a_signal_while_the_workers_start_ends_it_cleanly(data_folder: Path) -> None:
    with running(SERVER, "serve", data_folder, 2) as server:
        server.wait_for("progress Created collection")
        assert becomes_true(lambda: bool(workers_of(server)))
        workers = workers_of(server)
        assert server.end(signal.SIGTERM) == 0
        assert not any(map(lives, workers))
    assert not DataFolder(data_folder).database_runs()


def test_workers_that_cannot_start_end_the_server(data_folder: Path, mongodb_uri: str) -> None:
    (data_folder / "broken").touch()
    with running(SERVER, "serve", data_folder, 2, MONGODB_URI=mongodb_uri) as server:
        assert server.end() == 3
        assert "broken" in server.said
        assert "refused worker_failed" in server.said


def test_a_change_of_the_code_replaces_the_worker_at_once_and_broken_code_waits_for_the_next(
    data_folder: Path, mongodb_uri: str, tmp_path: Path
) -> None:
    with running(SERVER, "serve", data_folder, 1, tmp_path, MONGODB_URI=mongodb_uri, DRAIN_SECONDS="600") as server:
        url = server.wait_for("ready")
        first = who_has_a_call(url)

        def a_change_replaces_it() -> bool:
            (tmp_path / "module.py").write_text("changed")
            return becomes_true(lambda: who_answers(url) != first, 5)

        # No call is waited for. What changes in the moment before it begins to look is not noticed.
        assert becomes_true(a_change_replaces_it)
        (data_folder / "broken").touch()
        (tmp_path / "module.py").write_text("broken")
        server.wait_for("broken")
        (data_folder / "broken").unlink()
        (tmp_path / "module.py").write_text("mended")
        assert who_answers(url) > 0
        assert server.end(signal.SIGTERM) == 0


async def test_a_call_rings_in_one_worker_and_is_held_by_another(
    data_folder: Path, mongodb_uri: str, database: AsyncDatabase[dict[str, Any]]
) -> None:
    await database["phonenumbers"].insert_one({"_id": "+14155550100", "state": "free"})
    settings = {"MONGODB_URI": mongodb_uri, "TWILIO_AUTH_TOKEN": TOKEN, "BCRYPT_COST": "4"}
    with running("tests.support.call_worker", "serve", data_folder, 2, **settings) as server:
        url = await asyncio.to_thread(server.wait_for, "ready")
        one, other = workers_of(server, "tests.support.call_worker")
        async with Owner(url) as owner:
            await owner.sign_up(email="owner@example.com", password="a long enough phrase", name="Owner")
            number = await owner.get_number()
            async with SimulatedCarrier(url, TOKEN) as carrier:
                # Who is stopped takes no connection: each step finds the one worker that we want it to find.
                one.suspend()
                answer = await carrier.ring(Dialling("+14155550999", number, session_id="CA1"))
                verb, *_ = read(answer.text)
                assert isinstance(verb, ConnectStream)
                one.resume()
                other.suspend()
                socket = await carrier.open_media(verb.url)
                dialect = Dialect(account_sid=ACCOUNT_SID, call_sid="CA1", stream_sid="MZ1")
                await MediaCall([Listen(), HangUp()]).run(socket, dialect, verb.parameters)
                other.resume()
        assert server.end(signal.SIGTERM) == 0
    # Stopping let the call come to its end.
    [conversation] = await database["conversations"].find().to_list()
    assert (conversation["status"], conversation["turnCount"]) == ("completed", 1)
    [usage] = await database["usage"].find().to_list()
    assert (usage["calls"], usage["held"], usage["seconds"]) == (1, 0, conversation["billableSeconds"])


async def test_a_call_of_another_worker_is_hung_up(
    data_folder: Path, mongodb_uri: str, database: AsyncDatabase[dict[str, Any]]
) -> None:
    settings = {"MONGODB_URI": mongodb_uri, "BCRYPT_COST": "4"}
    with running("tests.support.call_worker", "serve", data_folder, 2, **settings) as server:
        url = await asyncio.to_thread(server.wait_for, "ready")
        one, other = workers_of(server, "tests.support.call_worker")
        async with Owner(url) as owner, httpx.AsyncClient(base_url=url, timeout=60) as http:
            await owner.sign_up(email="owner@example.com", password="a long enough phrase", name="Owner")
            http.headers["Authorization"] = owner.authorization
            # The client keeps its connection, and with it the worker that took the first request.
            one.suspend()
            ticket = (await http.post("/api/calls/web")).json()
            one.resume()
            other.suspend()
            async with WebCaller(ticket["url"]) as page:
                other.resume()
                await page.until("ready")
                answer = await http.delete(f"/api/user/calls/{ticket['sessionId']}")
                assert answer.status_code in {202, 204}, answer.text
                await page.over()
        assert server.end(signal.SIGTERM) == 0
    assert page.events[-1] == {"event": "ended", "reason": "assistant-hangup", "fault": "customer"}
    [conversation] = await database["conversations"].find().to_list()
    assert (conversation["endedReason"], conversation["fault"]) == ("assistant-hangup", "customer")
    # The next beat would have seen it after twenty seconds.
    assert conversation["duration"] < 20
