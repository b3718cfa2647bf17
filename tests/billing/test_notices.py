from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.support.accounts import PASSWORD
from tests.support.mail_sink import Letterbox, address_in, mail_sink
from tests.support.whole_app import WholeApi, serving_everything

from callgenie.billing.models import MeteredCall, Standing
from callgenie.billing.notices import MovedUsage, level_of
from callgenie.billing.plans import PLANS
from callgenie.jobs.outbox_models import NewMail
from callgenie.jobs.outbox_store import OutboxStore
from callgenie.kernel.ids import SessionId, UserId
from callgenie.kernel.vocabulary import PlanName
from callgenie.mongo.client import Database
from callgenie.mongo.errors import DatabaseBusyError


@pytest.fixture
async def sink() -> AsyncIterator[Letterbox]:
    async with mail_sink() as letterbox:
        yield letterbox


@pytest.fixture
async def api(connected: Database, sink: Letterbox) -> AsyncIterator[WholeApi]:
    async with serving_everything(
        connected, smtp_host="127.0.0.1", smtp_port=sink.port, email_verification="optional"
    ) as served:
        yield served


async def sign_up(api: WholeApi) -> str:
    body = {"email": "owner@example.com", "password": PASSWORD, "name": "Jane Miller"}
    answer = await api.call("POST", "/api/auth/register", json=body)
    await api.whole.delivery.deliver()
    return str(answer.json()["accessToken"])


async def talk(api: WholeApi, token: str, name: str, seconds: int) -> dict[str, Any]:
    body = {
        "sessionId": name,
        "phoneNumber": "+14155550123",
        "userMessage": "Hello",
        "aiResponse": "Good morning",
        "status": "completed",
        "duration": seconds,
    }
    answer = await api.call("POST", "/api/user/conversations", token=token, json=body)
    assert answer.status_code == 201, answer.text
    saved: dict[str, Any] = answer.json()
    return saved


async def notices(api: WholeApi, sink: Letterbox) -> list[str]:
    """Do what the running server does every second; return the subjects of all notices so far."""
    await api.whole.usage_notices.look()
    await api.whole.delivery.deliver()
    return [message["Subject"] for message in sink.messages if "plan" in message["Subject"]]


async def test_a_user_is_told_once_at_80_and_once_at_100_percent(api: WholeApi, sink: Letterbox) -> None:
    token = await sign_up(api)
    await talk(api, token, "CA1", 1_439)
    assert await notices(api, sink) == []
    await talk(api, token, "CA2", 1)
    assert await notices(api, sink) == ["80 % of your free plan is used"]
    await talk(api, token, "CA3", 60)
    assert await notices(api, sink) == ["80 % of your free plan is used"]
    await talk(api, token, "CA4", 1_000)
    await talk(api, token, "CA5", 1_000)
    subjects = await notices(api, sink)
    assert subjects == ["80 % of your free plan is used", "Your free plan is used up"]
    assert "you have used 2 of 10 calls and 24 of 30 minutes of your free plan." in sink.texts()[1]
    assert "30 of 30 minutes" in sink.texts()[2]
    assert sink.recipients == ["owner@example.com"] * 3
    shown = await api.call("GET", address_in(sink.texts()[1]), token=token)
    assert (shown.status_code, shown.json()["seconds"]["used"]) == (200, 1_800)
    names = [entry["_id"] async for entry in api.db["outbox"].find({"kind": {"$regex": "^usage"}}).sort("_id")]
    usage = await api.db["usage"].find_one({})
    assert usage is not None
    assert names == [f"usage100:{usage['_id']}", f"usage80:{usage['_id']}"]


async def test_who_uses_all_at_once_is_told_that_only(api: WholeApi, sink: Letterbox) -> None:
    token = await sign_up(api)
    await talk(api, token, "CA1", 5_000)
    assert await notices(api, sink) == ["Your free plan is used up"]


async def test_the_notice_is_remembered_longer_than_a_period(api: WholeApi, sink: Letterbox) -> None:
    token = await sign_up(api)
    await talk(api, token, "CA1", 5_000)
    await notices(api, sink)
    kept = await api.db["outbox"].find_one({"kind": "usage100"})
    assert kept is not None
    assert kept["expiresAt"] - kept["doneAt"] > timedelta(days=31)


async def test_a_settlement_waits_for_no_mail_and_no_look(api: WholeApi, sink: Letterbox) -> None:
    token = await sign_up(api)
    saved = await talk(api, token, "CA1", 5_000)
    assert saved["usage"]["allowed"] is False
    assert len(sink.messages) == 1  # the one of signing up
    assert await api.db["outbox"].count_documents({"kind": {"$regex": "^usage"}}) == 0


class OutboxAway(OutboxStore):
    """An outbox whose database does not answer."""

    async def put(self, mail: NewMail) -> None:
        raise DatabaseBusyError(mail.id)


async def test_with_the_database_away_the_look_is_repeated(api: WholeApi, sink: Letterbox) -> None:
    token = await sign_up(api)
    await talk(api, token, "CA1", 5_000)
    looker = api.whole.usage_notices
    looker._outbox = OutboxAway(api.db)
    with pytest.raises(DatabaseBusyError):
        await looker.look()
    looker._outbox = api.whole.outbox
    assert await notices(api, sink) == ["Your free plan is used up"]


async def test_a_user_who_is_gone_is_told_nothing_and_holds_nobody_up(api: WholeApi, sink: Letterbox) -> None:
    token = await sign_up(api)
    await talk(api, token, "CA1", 5_000)
    await api.db["users"].delete_many({})
    await api.db["userprofiles"].delete_many({})
    assert await notices(api, sink) == []


@pytest.mark.parametrize(
    ("plan", "calls", "seconds", "level"),
    [
        (PlanName.FREE, 7, 1_439, None),
        (PlanName.FREE, 8, 0, 80),
        (PlanName.FREE, 0, 1_440, 80),
        (PlanName.FREE, 10, 0, 100),
        (PlanName.FREE, 9, 1_800, 100),
        (PlanName.BASIC, 80, 0, 80),
        (PlanName.ENTERPRISE, 10**6, 10**9, None),
    ],
)
def test_calls_and_seconds_count_whichever_is_further(
    plan: PlanName, calls: int, seconds: int, level: int | None
) -> None:
    assert level_of(Standing(calls=calls, seconds=seconds), PLANS[plan]) == level


def test_what_moved_is_looked_at_once() -> None:
    moved = MovedUsage()
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(3):
        moved.note(MeteredCall(UserId("a"), start, SessionId(str(number))))
    assert moved.take() == ("a", start)
    assert moved.take() is None
