"""Usage by day: the business's days, each call in one of them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase
from tests.support.accounts import Api, assert_problem
from tests.support.metering import SetClock

from callgenie.conversations.daily import DailyUsageReader
from callgenie.conversations.totals_store import TotalsStore
from callgenie.kernel.ids import UserId

PATH = "/api/user/usage/daily"
NOTHING = {"completed": 0, "rejected": 0, "failed": 0, "abandoned": 0}


async def plant(db: AsyncDatabase[dict[str, Any]], user: str, started_at: str, **fields: Any) -> None:
    at = datetime.fromisoformat(started_at)
    await db["conversations"].insert_one(
        {
            "userId": ObjectId(user),
            "sessionId": str(ObjectId()),
            "carrier": "twilio",
            "direction": "inbound",
            "status": "completed",
            "startedAt": at,
            "periodStart": at,
            "billableSeconds": 60,
            "counted": True,
            "turns": [],
            "turnCount": 0,
        }
        | fields
    )


async def test_the_days_end_with_today_and_those_without_calls_are_there(api: Api) -> None:
    registered = await api.register()
    token = registered["accessToken"]
    body = {"sessionId": "s", "phoneNumber": "+1234567890", "userMessage": "a", "aiResponse": "b"}
    await api.call("POST", "/api/user/conversations", token=token, json=body | {"duration": 30, "status": "completed"})
    answer = await api.call("GET", PATH, token=token)
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    today = datetime.now(UTC).date()
    assert shown["timezone"] == "UTC"
    assert [day["date"] for day in shown["data"]] == [str(today - timedelta(days=back)) for back in range(30, -1, -1)]
    assert shown["data"][-1] == {"date": str(today), "calls": 1, "seconds": 30, "outcomes": NOTHING | {"completed": 1}}
    assert shown["data"][0] == {"date": shown["data"][0]["date"], "calls": 0, "seconds": 0, "outcomes": NOTHING}
    await api.call("DELETE", "/api/user/conversations/s", token=token)
    assert (await api.call("GET", PATH, token=token)).json() == shown


async def test_a_call_belongs_to_the_day_of_the_business_on_which_it_began(api: Api) -> None:
    registered = await api.register()
    user, token = registered["user"]["id"], registered["accessToken"]
    zone = {"business": {"timezone": "America/New_York"}}
    assert (await api.call("PATCH", "/api/user/profile", token=token, json=zone)).status_code == 200
    # Clocks went back on 1 November 2026, so that this day had 25 hours: from 04:00 to 05:00 UTC of the next.
    for moment in ("2026-11-01T03:59:59", "2026-11-01T04:00:00", "2026-11-02T04:59:59", "2026-11-02T05:00:00"):
        await plant(api.db, user, f"{moment}+00:00")
    clock = SetClock(datetime(2026, 11, 3, 2, tzinfo=UTC))
    usage = await DailyUsageReader(TotalsStore(api.db), api.services.profiles, clock).last_days(UserId(user), 3)
    assert [(str(day.date), day.calls) for day in usage.days] == [
        ("2026-10-31", 1),
        ("2026-11-01", 2),
        ("2026-11-02", 1),
    ]


async def test_a_midnight_that_is_no_whole_hour_divides_days_too(api: Api) -> None:
    registered = await api.register()
    user, token = registered["user"]["id"], registered["accessToken"]
    zone = {"business": {"timezone": "Asia/Kathmandu"}}
    assert (await api.call("PATCH", "/api/user/profile", token=token, json=zone)).status_code == 200
    for moment in ("2026-06-01T18:14:59.999", "2026-06-01T18:15:00"):
        await plant(api.db, user, f"{moment}+00:00")
    clock = SetClock(datetime(2026, 6, 2, 12, tzinfo=UTC))
    usage = await DailyUsageReader(TotalsStore(api.db), api.services.profiles, clock).last_days(UserId(user), 366)
    assert [(str(day.date), day.calls) for day in usage.days if day.calls] == [("2026-06-01", 1), ("2026-06-02", 1)]


async def test_each_end_is_counted_and_what_does_not_count_is_not(api: Api) -> None:
    registered = await api.register()
    user, now = registered["user"]["id"], datetime.now(UTC).isoformat()
    stranger = (await api.register("other@example.com"))["user"]["id"]
    await plant(api.db, stranger, now)
    await plant(api.db, user, now)
    for status in ("rejected", "failed", "abandoned", "abandoned"):
        await plant(api.db, user, now, status=status, counted=False, billableSeconds=0)
    day = (await api.call("GET", f"{PATH}?days=1", token=registered["accessToken"])).json()["data"][0]
    assert (day["calls"], day["seconds"]) == (1, 60)
    assert day["outcomes"] == {"completed": 1, "rejected": 1, "failed": 1, "abandoned": 2}


@pytest.mark.parametrize("query", ["days=0", "days=367", "days=x", "days=-1", "since=1"])
async def test_a_wrong_number_of_days_is_refused(api: Api, query: str) -> None:
    token = (await api.register())["accessToken"]
    assert_problem(await api.call("GET", f"{PATH}?{query}", token=token), 422, "invalid")
    assert (await api.call("GET", PATH)).status_code == 401
