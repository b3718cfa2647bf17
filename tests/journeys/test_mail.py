"""Signing up, forgetting and being warned by mail, with two workers and a mail server that comes and goes."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

from tests.support.accounts import PASSWORD, assert_problem
from tests.support.mail_sink import Letterbox, mail_sink
from tests.support.processes import PATIENCE_SECONDS
from tests.support.whole_app import WholeApi, serving_everything

from callgenie.mongo.client import Database
from callgenie.wiring.jobs import running

NEW = "another good password"


async def arrived(letterbox: Letterbox, count: int) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            if len(letterbox.messages) >= count:
                return
            await asyncio.sleep(0.05)


async def two_workers(stack: AsyncExitStack, connected: Database, port: int, folder: Path) -> tuple[WholeApi, WholeApi]:
    one, other = [
        await stack.enter_async_context(
            serving_everything(
                connected,
                smtp_url=f"smtp://127.0.0.1:{port}",
                public_url="https://calls.example.com",
                rate_limits="off",
                data_dir=folder,
            )
        )
        for _ in range(2)
    ]
    for worker in (one, other):
        await stack.enter_async_context(running(worker.whole))
    return one, other


async def test_owners_sign_up_and_forget_while_the_mail_server_is_away(connected: Database, tmp_path: Path) -> None:
    async with mail_sink() as letterbox:
        pass
    owners = [f"owner{number}@example.com" for number in range(10)]
    async with AsyncExitStack() as stack:
        workers = await two_workers(stack, connected, letterbox.port, tmp_path)
        for number, email in enumerate(owners):
            body = {"email": email, "password": PASSWORD, "name": "Jane"}
            answer = await workers[number % 2].call("POST", "/api/auth/register", json=body)
            assert (answer.status_code, answer.json()) == (202, {})
        # Long enough for each to have been tried in vain.
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                if not await connected.db["outbox"].count_documents({"attempts": 0}):
                    break
                await asyncio.sleep(0.1)
        assert_problem(await workers[0].log_in(owners[0]), 403, "email_not_verified")

        async with mail_sink(letterbox):
            await arrived(letterbox, len(owners))
            token = letterbox.tokens()[letterbox.recipients.index(owners[0])]
            assert (await workers[1].call("POST", "/api/auth/verify-email", json={"token": token})).status_code == 204
            assert (await workers[0].log_in(owners[0])).status_code == 200
            await workers[0].call("POST", "/api/auth/forgot-password", json={"email": owners[0]})
            await arrived(letterbox, len(owners) + 1)
            body = {"token": letterbox.tokens()[-1], "password": NEW}
            assert (await workers[1].call("POST", "/api/auth/reset-password", json=body)).status_code == 204
            assert (await workers[0].log_in(owners[0], NEW)).status_code == 200
            # Whatever was still on its way would come by now.
            await asyncio.sleep(1.5)
    assert Counter(letterbox.recipients) == {**dict.fromkeys(owners, 1), owners[0]: 2}


async def test_an_owner_is_warned_by_the_running_server(connected: Database, tmp_path: Path) -> None:
    async with mail_sink() as letterbox, AsyncExitStack() as stack:
        one, other = await two_workers(stack, connected, letterbox.port, tmp_path)
        user, _ = await one.whole.sign_up.register(email="owner@example.com", password=PASSWORD, name="Jane")
        await connected.db["users"].update_one({}, {"$set": {"emailVerified": True}})
        token = (await other.log_in()).json()["accessToken"]
        body = {
            "sessionId": "CA1",
            "phoneNumber": "+14155550123",
            "userMessage": "Hello",
            "aiResponse": "Good morning",
            "status": "completed",
            "duration": 1_800,
        }
        assert (await other.call("POST", "/api/user/conversations", token=token, json=body)).status_code == 201
        await arrived(letterbox, 1)
    assert letterbox.recipients == [user.email]
    assert letterbox.messages[0]["Subject"] == "Your free plan is used up"
