"""All that an owner sees and changes of themselves in one place, gathered from the features."""

from collections.abc import Collection
from dataclasses import dataclass

from callgenie.billing.models import Usage
from callgenie.billing.service import UsageService
from callgenie.billing.terms import terms_of
from callgenie.numbers.service import NumberPool
from callgenie.profiles.models import BusinessChanges, Profile
from callgenie.profiles.service import ProfileService
from callgenie.users.accounts import Accounts, check_contact
from callgenie.users.models import ContactChanges, User


@dataclass(frozen=True, slots=True)
class Overview:
    """A user with their profile, phone number and usage."""

    user: User
    profile: Profile
    phone_number: str | None
    usage: Usage


class Overviews:
    """Gathers overviews, and changes what spans the account and its profile."""

    def __init__(self, accounts: Accounts, profiles: ProfileService, numbers: NumberPool, usage: UsageService) -> None:
        self._accounts = accounts
        self._profiles = profiles
        self._numbers = numbers
        self._usage = usage

    async def of(self, user: User) -> Overview:
        """Return the user's overview."""
        return await self.around(user, await self._profiles.get(user.id))

    async def around(self, user: User, profile: Profile) -> Overview:
        """Return the overview of a user whose profile is at hand."""
        number = await self._numbers.number_of(user.id)
        usage = await self._usage.check_under(terms_of(user, profile.subscription))
        return Overview(user, profile, number.number if number else None, usage)

    async def change(
        self,
        user: User,
        contact: ContactChanges,
        business: BusinessChanges,
        *,
        versions: Collection[int] | None,
    ) -> Overview:
        """Change name, phone number and business if the profile has one of `versions`; None is any.

        The profile's version stands for both documents, so it is counted first, also when only the name changes: of
        two askers who read the same version, one gets to write.

        Raises:
            ProfileChangedError: The profile has another version by now.
            InvalidNameError: The name is empty or too long.
            InvalidPhoneError: The phone number is not E.164.
        """
        check_contact(contact)
        profile = await self._profiles.update_business(user.id, business, versions=versions)
        return await self.around(await self._accounts.change(user, contact), profile)
