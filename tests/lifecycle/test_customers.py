"""What the operator does to a user takes effect at once."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.accounts import PASSWORD, assert_problem
from tests.support.whole_app import WholeApi, serving_everything

from callgenie.kernel.vocabulary import PlanName, UserStatus
from callgenie.lifecycle.customers import Customers
from callgenie.lifecycle.overview import Overviews
from callgenie.mongo.client import Database
from callgenie.users.directory_store import DirectoryStore
from callgenie.users.errors import InvalidEmailError, UserNotFoundError

EMAIL = "owner@example.com"


@pytest.fixture
async def app(connected: Database, tmp_path: Path) -> AsyncIterator[WholeApi]:
    async with serving_everything(connected, data_dir=tmp_path) as served:
        yield served


@pytest.fixture
def customers(app: WholeApi) -> Customers:
    whole = app.whole
    overviews = Overviews(whole.users, whole.profiles, whole.numbers, whole.usage)
    return Customers(DirectoryStore(whole.database.db), whole.users, whole.profiles, overviews)


async def test_a_suspension_ends_every_session_and_activation_brings_none_back(
    app: WholeApi, customers: Customers
) -> None:
    token = (await app.register(EMAIL))["accessToken"]
    other = (await app.register("other@example.com"))["accessToken"]
    for _ in range(2):
        assert (await customers.set_status(" Owner@Example.com ", UserStatus.SUSPENDED)).status == "suspended"
    assert (await app.call("GET", "/api/user/profile", token=token)).status_code == 401
    assert_problem(await app.log_in(EMAIL), 403, "account_suspended")
    await customers.set_status(EMAIL, UserStatus.ACTIVE)
    assert (await app.call("GET", "/api/user/profile", token=token)).status_code == 401
    fresh = (await app.log_in(EMAIL, PASSWORD)).json()["accessToken"]
    assert (await app.call("GET", "/api/user/profile", token=fresh)).status_code == 200
    # Twice the same ends nobody's session again.
    await customers.set_status(EMAIL, UserStatus.ACTIVE)
    assert (await app.call("GET", "/api/user/profile", token=fresh)).status_code == 200
    assert (await app.call("GET", "/api/user/profile", token=other)).status_code == 200


async def test_another_plan_is_in_force_at_once_and_what_was_used_stays_used(
    app: WholeApi, customers: Customers
) -> None:
    token = (await app.register(EMAIL))["accessToken"]
    body = {"sessionId": "s", "phoneNumber": "+14155550188", "userMessage": "a", "aiResponse": "b"}
    ended = body | {"duration": 1_800, "status": "completed"}
    await app.call("POST", "/api/user/conversations", token=token, json=ended)
    before = (await app.call("GET", "/api/user/usage", token=token)).json()
    assert (before["plan"], before["reason"]) == ("free", "minute_limit_reached")
    assert (await customers.change_plan(EMAIL, PlanName.BASIC)).usage.plan.name is PlanName.BASIC
    after = (await app.call("GET", "/api/user/usage", token=token)).json()
    assert (after["plan"], after["allowed"], after["seconds"]["used"]) == ("basic", True, 1_800)
    assert after["period"] == before["period"]


async def test_everybody_is_listed_eldest_first(app: WholeApi, customers: Customers) -> None:
    for name in ("a", "b", "c"):
        await app.register(f"{name}@example.com")
    await customers.set_status("b@example.com", UserStatus.SUSPENDED)
    everybody = [user.email async for user in customers.list_everybody()]
    assert everybody == ["a@example.com", "b@example.com", "c@example.com"]
    assert [user.email async for user in customers.list_everybody(UserStatus.SUSPENDED)] == ["b@example.com"]


async def test_who_is_not_there_is_not_found(customers: Customers) -> None:
    with pytest.raises(UserNotFoundError):
        await customers.show("nobody@example.com")
    with pytest.raises(InvalidEmailError):
        await customers.set_status("no address", UserStatus.SUSPENDED)
