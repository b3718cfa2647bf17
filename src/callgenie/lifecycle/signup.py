"""Signing up: an account and its profile."""

from callgenie.profiles.models import Profile
from callgenie.profiles.service import ProfileService
from callgenie.users.accounts import Accounts
from callgenie.users.models import User


class SignUp:
    """Creates a user together with their profile."""

    def __init__(self, accounts: Accounts, profiles: ProfileService) -> None:
        self._accounts = accounts
        self._profiles = profiles

    async def register(self, *, email: str, password: str, name: str, phone: str | None = None) -> tuple[User, Profile]:
        """Create an account; of any number of attempts at one address, one succeeds.

        The user is the first of two writes and decides. Should the process die before the second, the account is
        whole all the same: its password is known, and its profile is made when it is first asked for.

        Raises:
            EmailTakenError: The address belongs to an account.
            InvalidError: An address, name, phone number or password that cannot be taken; the subclass says which.
            TooManySignInsError: Too many passwords wait to be hashed.
        """
        user = await self._accounts.create(email=email, password=password, name=name, phone=phone)
        return user, await self._profiles.create(user)
