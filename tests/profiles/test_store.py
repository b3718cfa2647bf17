import asyncio
from datetime import UTC, date, datetime
from typing import Any

import pytest
from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase
from tests.support.accounts import Api

from callgenie.kernel.ids import UserId
from callgenie.kernel.vocabulary import PlanName, ResponseLength
from callgenie.profiles.greetings import greeting_of
from callgenie.profiles.models import (
    Business,
    FaqEntry,
    OpenInterval,
    Preferences,
    Profile,
    Subscription,
    SubscriptionStatus,
)
from callgenie.profiles.store import ProfileStore
from callgenie.users.errors import UserNotFoundError

USER = UserId("65f2c6a1a1b2c3d4e5f60718")
MOMENT = datetime(2026, 1, 31, 12, 30, tzinfo=UTC)

PLAIN = Profile(USER, Preferences(), Business(), Subscription(anchor=MOMENT), version=1)
FULL = Profile(
    user_id=USER,
    preferences=Preferences("nanotts-en-gb", "faq", ResponseLength.LONG, "en", "Asha"),
    business=Business(
        company="Sunny Dental",
        timezone="America/New_York",
        hours={"mon": (OpenInterval(540, 720), OpenInterval(780, 1050)), "sun": (), "sat": (OpenInterval(0, 1440),)},
        holidays=(date(2026, 12, 25), date(2027, 1, 1)),
        greeting="Hello.",
        after_hours_greeting="We are closed.",
        instructions="Be kind. $literal",
        faq=(FaqEntry("Do you take walk-ins?", "Yes."),),
        transfer_number="+14155550123",
    ),
    subscription=Subscription(
        anchor=MOMENT,
        plan=PlanName.PREMIUM,
        status=SubscriptionStatus.PAST_DUE,
        current_period_start=MOMENT,
        current_period_end=MOMENT.replace(month=3),
        cancel_at_period_end=True,
        pending_plan=PlanName.BASIC,
        stripe_customer_id="cus_1",
        stripe_subscription_id="sub_1",
    ),
    version=41,
)


async def test_a_profile_is_read_as_it_was_written(database: AsyncDatabase[dict[str, Any]]) -> None:
    store = ProfileStore(database)
    for profile in (PLAIN, FULL):
        await database["userprofiles"].delete_many({})
        assert await store.find(USER) is None
        assert await store.find_or_insert(profile) == profile
        assert await store.find(USER) == profile


@pytest.mark.parametrize("user_id", ["", "nobody", "f" * 24, "$ne"])
async def test_who_does_not_exist_is_told_so(api: Api, user_id: str) -> None:
    for ask in (api.services.users.get, api.services.profiles.get, api.services.usage.check):
        with pytest.raises(UserNotFoundError):
            await ask(UserId(user_id))


async def test_the_first_profile_stays(database: AsyncDatabase[dict[str, Any]]) -> None:
    store = ProfileStore(database)
    assert await store.find_or_insert(FULL) == FULL
    assert await store.find_or_insert(PLAIN) == FULL


async def test_many_who_make_a_profile_at_once_make_one(database: AsyncDatabase[dict[str, Any]]) -> None:
    store = ProfileStore(database)
    made = await asyncio.gather(*(store.find_or_insert(PLAIN) for _ in range(20)))
    assert made == [PLAIN] * 20
    assert await database["userprofiles"].count_documents({}) == 1


@pytest.mark.parametrize("versions", [None, {1}])
async def test_a_repeated_write_counts_one_version(
    database: AsyncDatabase[dict[str, Any]], versions: set[int] | None
) -> None:
    # The write arrives, and the answer says that nobody knows whether it will last: it is sent again.
    store = ProfileStore(database)
    await store.find_or_insert(PLAIN)
    admin = database.client.admin
    unknown = {"code": 64, "errmsg": "waiting for replication timed out", "errInfo": {"wtimeout": True}}
    fault = {"failCommands": ["findAndModify"], "writeConcernError": unknown}
    await admin.command({"configureFailPoint": "failCommand", "mode": {"times": 2}, "data": fault})
    try:
        changed = await store.change_business(USER, {"company": "Sunny Dental"}, versions)
    finally:
        await admin.command({"configureFailPoint": "failCommand", "mode": "off"})
    assert changed is not None
    assert (changed.business.company, changed.version) == ("Sunny Dental", 2)


async def test_a_profile_without_stripe_does_not_stand_in_the_way_of_another(
    database: AsyncDatabase[dict[str, Any]],
) -> None:
    store = ProfileStore(database)
    for _ in range(2):
        await store.find_or_insert(
            Profile(UserId(str(ObjectId())), Preferences(), Business(), Subscription(anchor=MOMENT), version=1)
        )
    assert await database["userprofiles"].count_documents({}) == 2


def test_the_greeting_is_made_of_the_companys_and_the_assistants_name_until_there_is_one() -> None:
    preferences = Preferences(assistant_name="Asha")
    assert "This is Asha" in greeting_of(Business(company="Sunny Dental"), preferences)
    assert greeting_of(Business(company="Sunny Dental"), preferences).startswith("Thank you for calling Sunny Dental.")
    assert greeting_of(Business(), preferences).startswith("Hello, this is Asha")
    assert greeting_of(Business(company="Sunny Dental", greeting="Hi!"), preferences) == "Hi!"
