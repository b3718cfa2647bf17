"""The whole application with an owner in it, and a receiver that it may send to."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.certificates import Authority
from tests.support.webhook_receiver import Receiver, receiving
from tests.support.whole_app import WholeApi, serving_everything

from callgenie.mongo.client import Database

PATH = "/api/user/webhooks"
EVERYTHING = ["call.started", "call.ended", "call.analyzed", "usage.threshold_reached"]


@dataclass
class Owner:
    """An owner, as somebody outside, and what the server's jobs do beside requests."""

    api: WholeApi
    token: str

    async def ask(self, method: str, path: str = "", **options: Any) -> httpx.Response:
        return await self.api.call(method, f"{PATH}{path}", token=self.token, **options)

    async def webhook(self, receiver: Receiver, **fields: Any) -> dict[str, Any]:
        """Have events sent to the receiver; return what the API answers, secret included."""
        body = {"url": f"https://localhost:{receiver.port}/in", "events": EVERYTHING, **fields}
        answer = await self.ask("POST", json=body)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def talk(self, session_id: str = "s-1", **fields: Any) -> dict[str, Any]:
        """Record a whole call that was held elsewhere."""
        body = {
            "sessionId": session_id,
            "phoneNumber": "+14155550188",
            "userMessage": "My secret is 8472",
            "aiResponse": "Noted.",
            "duration": 30,
            "status": "completed",
            **fields,
        }
        answer = await self.api.call("POST", "/api/user/conversations", token=self.token, json=body)
        assert answer.status_code in {200, 201}, answer.text
        saved: dict[str, Any] = answer.json()
        return saved

    async def pass_a_second(self) -> None:
        """Do what the running server does every second."""
        await self.api.whole.usage_notices.look()
        await self.api.whole.follow_ups.work()
        await self.api.whole.webhook_room.sender.deliver()
        await self.api.whole.delivery.deliver()

    async def deliveries(self, webhook: dict[str, Any]) -> list[dict[str, Any]]:
        answer = await self.ask("GET", f"/{webhook['id']}/deliveries")
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["data"]
        return found

    async def make_due(self) -> None:
        """Stand in for waiting: leases and pauses are measured by the database's clock, which no test can move."""
        await self.api.db["webhookdeliveries"].update_many({"state": "waiting"}, [{"$set": {"dueAt": "$$NOW"}}])


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
async def api(connected: Database, authority: Authority, tmp_path: Path) -> AsyncIterator[WholeApi]:
    async with serving_everything(
        connected, data_dir=tmp_path, webhook_allowed_hosts=("localhost",), webhook_ca_file=authority.file
    ) as served:
        yield served
        await served.whole.webhook_room.close()


@pytest.fixture
async def owner(api: WholeApi) -> Owner:
    return Owner(api, (await api.register())["accessToken"])


@pytest.fixture
async def receiver(authority: Authority) -> AsyncIterator[Receiver]:
    async with receiving(tls=authority.server("localhost")) as running:
        yield running
