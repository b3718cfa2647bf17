"""What the operator does with users: find them, suspend them, change their plan."""

from collections.abc import AsyncIterator

from callgenie.kernel.ids import UserId
from callgenie.kernel.vocabulary import PlanName, UserStatus
from callgenie.lifecycle.overview import Overview, Overviews
from callgenie.profiles.service import ProfileService
from callgenie.users.addresses import canonical_email
from callgenie.users.directory_store import DirectoryStore
from callgenie.users.errors import UserNotFoundError
from callgenie.users.models import User


class Customers:
    """Everybody's accounts, named by their e-mail addresses."""

    def __init__(self, directory: DirectoryStore, profiles: ProfileService, overviews: Overviews) -> None:
        self._directory = directory
        self._profiles = profiles
        self._overviews = overviews

    async def find(self, email: str) -> User:
        """Return the user.

        Raises:
            InvalidEmailError: The text is no e-mail address.
            UserNotFoundError: Nobody has an account under it.
        """
        user = await self._directory.find_by_email(canonical_email(email))
        if user is None:
            raise UserNotFoundError
        return user

    async def show(self, email: str) -> Overview:
        """Return the user with profile, phone number and usage.

        Raises:
            InvalidEmailError: The text is no e-mail address.
            UserNotFoundError: Nobody has an account under it.
        """
        return await self._overviews.of(await self.find(email))

    def list_everybody(self, status: UserStatus | None = None) -> AsyncIterator[User]:
        """Yield all users, or those of one status, eldest first."""
        return self._directory.list_everybody(status)

    async def plan_of(self, user_id: UserId) -> PlanName:
        """Return what the user pays for."""
        return (await self._profiles.get(user_id)).subscription.plan

    async def set_status(self, email: str, status: UserStatus) -> User:
        """Suspend or activate a user. Either ends every session; a suspended user's calls end soon.

        Raises:
            InvalidEmailError: The text is no e-mail address.
            UserNotFoundError: Nobody has an account under it.
        """
        user = await self.find(email)
        await self._directory.set_status(user.id, status)
        return await self.find(email)

    async def change_plan(self, email: str, plan: PlanName) -> Overview:
        """Put a user on another plan, from now on.

        Raises:
            InvalidEmailError: The text is no e-mail address.
            UserNotFoundError: Nobody has an account under it.
        """
        user = await self.find(email)
        await self._profiles.change_plan(user.id, plan)
        return await self._overviews.of(user)
