"""What the operator does with users: find them, suspend them, change their plan."""

import re
from collections.abc import AsyncIterator
from typing import Final

from callgenie.kernel.ids import UserId
from callgenie.kernel.vocabulary import PlanName, UserStatus
from callgenie.lifecycle.overview import Overview, Overviews
from callgenie.profiles.service import ProfileService
from callgenie.users.accounts import Accounts
from callgenie.users.addresses import canonical_email
from callgenie.users.directory_store import DirectoryStore
from callgenie.users.errors import UserNotFoundError
from callgenie.users.models import User

_ID: Final = re.compile(r"[0-9a-f]{24}", re.ASCII)


class Customers:
    """Everybody's accounts, each named by its e-mail address, or by the user's id as lists and logs show it."""

    def __init__(
        self, directory: DirectoryStore, accounts: Accounts, profiles: ProfileService, overviews: Overviews
    ) -> None:
        self._directory = directory
        self._accounts = accounts
        self._profiles = profiles
        self._overviews = overviews

    async def find(self, name: str) -> User:
        """Return the user of this address or id.

        Raises:
            InvalidEmailError: The text is neither.
            UserNotFoundError: Nobody has an account under it.
        """
        if _ID.fullmatch(name):
            return await self._accounts.get(UserId(name))
        user = await self._directory.find_by_email(canonical_email(name))
        if user is None:
            raise UserNotFoundError
        return user

    async def show(self, name: str) -> Overview:
        """Return the user with profile, phone number and usage.

        Raises:
            InvalidEmailError: The text is neither an address nor an id.
            UserNotFoundError: Nobody has an account under it.
        """
        return await self._overviews.of(await self.find(name))

    def list_everybody(self, status: UserStatus | None = None) -> AsyncIterator[User]:
        """Yield all users, or those of one status, eldest first."""
        return self._directory.list_everybody(status)

    async def plan_of(self, user_id: UserId) -> PlanName:
        """Return what the user pays for."""
        return (await self._profiles.get(user_id)).subscription.plan

    async def set_status(self, name: str, status: UserStatus) -> User:
        """Suspend or activate a user. Either ends every session; a suspended user's calls end soon.

        Raises:
            InvalidEmailError: The text is neither an address nor an id.
            UserNotFoundError: Nobody has an account under it.
        """
        user = await self.find(name)
        await self._directory.set_status(user.id, status)
        return await self.find(name)

    async def change_plan(self, name: str, plan: PlanName) -> Overview:
        """Put a user on another plan, from now on.

        Raises:
            InvalidEmailError: The text is neither an address nor an id.
            UserNotFoundError: Nobody has an account under it.
        """
        user = await self.find(name)
        await self._profiles.change_plan(user.id, plan)
        return await self._overviews.of(user)
