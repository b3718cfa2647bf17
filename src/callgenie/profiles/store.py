"""Where profiles are kept: collection `userprofiles`."""

from collections.abc import Collection
from typing import Any

from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from callgenie.kernel.ids import UserId
from callgenie.kernel.vocabulary import PlanName
from callgenie.mongo.client import retrying
from callgenie.profiles.documents import (
    BUSINESS_NAMES,
    PREFERENCE_NAMES,
    business_document,
    fields_of,
    preferences_document,
    profile_of,
    subscription_document,
)
from callgenie.profiles.models import BusinessChanges, PreferenceChanges, Profile, SubscriptionStatus

Document = dict[str, Any]


class ProfileStore:
    """Profiles in MongoDB."""

    def __init__(self, db: AsyncDatabase[Document]) -> None:
        self._profiles = db["userprofiles"]

    async def find(self, user_id: UserId) -> Profile | None:
        """Return the user's profile, or None; a text that is no id at all is nobody's."""
        if not ObjectId.is_valid(user_id):
            return None
        document = await retrying(lambda: self._profiles.find_one({"userId": ObjectId(user_id)}))
        return None if document is None else profile_of(document)

    async def find_or_insert(self, profile: Profile) -> Profile:
        """Return the user's profile, which is this one if there was none."""
        whose = {"userId": ObjectId(profile.user_id)}
        first: Document = {
            "preferences": preferences_document(profile.preferences),
            "business": business_document(profile.business),
            "subscription": subscription_document(profile.subscription),
            "version": profile.version,
            "writeId": None,
        }
        try:
            document = await retrying(
                lambda: self._profiles.find_one_and_update(
                    whose, {"$setOnInsert": first}, upsert=True, return_document=True
                )
            )
        except DuplicateKeyError:
            document = None
        if document is None:
            # Somebody's upsert was faster by less than the server can order.
            return await self.find(profile.user_id) or await self.find_or_insert(profile)
        return profile_of(document)

    async def change_preferences(self, user_id: UserId, changes: PreferenceChanges) -> Profile | None:
        """Set some preferences; return the profile as it is then, or None if there is none."""
        fields = fields_of(changes, PREFERENCE_NAMES)
        return await self._change(user_id, {f"preferences.{name}": value for name, value in fields.items()}, None)

    async def change_business(
        self, user_id: UserId, changes: BusinessChanges, versions: Collection[int] | None
    ) -> Profile | None:
        """Set some of what is known about the business, if the profile has one of `versions`; None is any.

        Returns the profile as it is then, or None if there is none of these versions.
        """
        fields = fields_of(changes, BUSINESS_NAMES)
        return await self._change(user_id, {f"business.{name}": value for name, value in fields.items()}, versions)

    async def change_plan(self, user_id: UserId, plan: PlanName) -> Profile | None:
        """Set the plan, in force from now on; return the profile as it is then, or None if there is none."""
        fields: Document = {
            "plan": plan.value,
            "status": SubscriptionStatus.ACTIVE.value,
            "pendingPlan": None,
            "cancelAtPeriodEnd": False,
        }
        return await self._change(user_id, {f"subscription.{name}": value for name, value in fields.items()}, None)

    async def _change(self, user_id: UserId, fields: Document, versions: Collection[int] | None) -> Profile | None:
        # The write leaves its own mark and does not match where that mark is, so a repetition counts no version twice.
        mark = ObjectId()
        whose: Document = {"userId": ObjectId(user_id)}
        which = {**whose, "writeId": {"$ne": mark}}
        if versions is not None:
            which["version"] = {"$in": list(versions)}
        change = {"$set": {**fields, "writeId": mark}, "$inc": {"version": 1}}
        document = await retrying(lambda: self._profiles.find_one_and_update(which, change, return_document=True))
        if document is None:
            document = await retrying(lambda: self._profiles.find_one({**whose, "writeId": mark}))
        return None if document is None else profile_of(document)
