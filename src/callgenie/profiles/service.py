"""What can be done with profiles."""

from collections.abc import Collection

from callgenie.kernel.ids import UserId
from callgenie.kernel.vocabulary import PlanName
from callgenie.profiles.errors import ProfileChangedError
from callgenie.profiles.models import (
    Business,
    BusinessChanges,
    PreferenceChanges,
    Preferences,
    Profile,
    Subscription,
)
from callgenie.profiles.options import VoiceOptions
from callgenie.profiles.store import ProfileStore
from callgenie.users.accounts import Accounts
from callgenie.users.models import User


class ProfileService:
    """Reads and changes profiles.

    A profile is made together with its user, but in a document of its own. Should the process die between the two
    writes, the profile is made by whoever asks for it first: nothing in it cannot be computed from the user.
    """

    def __init__(self, store: ProfileStore, accounts: Accounts, options: VoiceOptions) -> None:
        self._store = store
        self._accounts = accounts
        self._options = options

    @property
    def options(self) -> VoiceOptions:
        """What can be chosen on this server."""
        return self._options

    async def create(self, user: User) -> Profile:
        """Return the user's profile, made with everything at its default if there is none yet."""
        subscription = Subscription(anchor=user.created_at)
        return await self._store.find_or_insert(Profile(user.id, Preferences(), Business(), subscription, version=1))

    async def get(self, user_id: UserId) -> Profile:
        """Return the user's profile.

        Raises:
            UserNotFoundError: There is no such user.
        """
        profile = await self._store.find(user_id)
        return profile or await self.create(await self._accounts.get(user_id))

    async def update_preferences(self, user_id: UserId, changes: PreferenceChanges) -> Profile:
        """Change what is named in `changes`, and return the profile as it is then.

        Raises:
            UnknownOptionError: This server has no such voice, model or language.
            UserNotFoundError: There is no such user.
        """
        self._options.check(changes)
        await self.get(user_id)
        changed = await self._store.change_preferences(user_id, changes) if changes else None
        return changed or await self.get(user_id)

    async def update_business(
        self, user_id: UserId, changes: BusinessChanges, *, versions: Collection[int] | None = None
    ) -> Profile:
        """Change what is named in `changes` if the profile has one of `versions` (None: any), and count a version.

        Raises:
            ProfileChangedError: The profile has another version by now.
            UserNotFoundError: There is no such user.
        """
        await self.get(user_id)
        changed = await self._store.change_business(user_id, changes, versions)
        if changed is None:
            raise ProfileChangedError
        return changed

    async def change_plan(self, user_id: UserId, plan: PlanName) -> Profile:
        """Put the user on another plan, as the operator may. The ledger asks for it at each step, so calls feel it too.

        The periods stay as they are: what was used in the present one stays used.

        Raises:
            UserNotFoundError: There is no such user.
        """
        await self.get(user_id)
        return await self._store.change_plan(user_id, plan) or await self.get(user_id)
