"""Signing up: an account and its profile."""

from dataclasses import dataclass

from callgenie.profiles.models import Profile
from callgenie.profiles.service import ProfileService
from callgenie.users.account_mail import AccountMail
from callgenie.users.accounts import Accounts
from callgenie.users.models import User
from callgenie.users.registrations import Registrations


@dataclass(frozen=True, slots=True, kw_only=True)
class SignUpForm:
    """What somebody signs up with."""

    email: str
    password: str
    name: str
    phone: str | None = None


class SignUp:
    """Creates a user together with their profile."""

    def __init__(
        self,
        accounts: Accounts,
        profiles: ProfileService,
        registrations: Registrations,
        mail: AccountMail,
        *,
        verified_only: bool,
    ) -> None:
        self._accounts = accounts
        self._profiles = profiles
        self._registrations = registrations
        self._mail = mail
        self._verified_only = verified_only

    async def sign_up(self, form: SignUpForm) -> tuple[User, Profile] | None:
        """Sign somebody up who came over the network, and have them asked to confirm their address.

        Return None where they must do so first; whether the address has an account is then told by mail only.

        Raises:
            EmailTakenError: The address belongs to an account, and this server says so.
            InvalidError: An address, name, phone number or password that cannot be taken; the subclass says which.
            TooManySignInsError: Too many passwords wait to be hashed.
        """
        if self._verified_only:
            await self._registrations.add(email=form.email, password=form.password, name=form.name, phone=form.phone)
            return None
        user, profile = await self.register(email=form.email, password=form.password, name=form.name, phone=form.phone)
        # Should this process die before the next line, the link can still be asked for.
        await self._mail.ask_verification(user.id)
        return user, profile

    async def register(self, *, email: str, password: str, name: str, phone: str | None = None) -> tuple[User, Profile]:
        """Create an account that can be used at once; of any number of attempts at one address, one succeeds.

        The user is the first of two writes and decides. Should the process die before the second, the account is
        whole all the same: its password is known, and its profile is made when it is first asked for.

        Raises:
            EmailTakenError: The address belongs to an account.
            InvalidError: An address, name, phone number or password that cannot be taken; the subclass says which.
            TooManySignInsError: Too many passwords wait to be hashed.
        """
        user = await self._accounts.create(email=email, password=password, name=name, phone=phone)
        return user, await self._profiles.create(user)
