"""CallGenie's accounts, history and metering for Python programs, without a server in between.

    async with UserService.open() as user_service:
        user, profile = await user_service.create_user(email=..., password=..., name=..., phone=...)

It works on the same database, by the same rules and with the same secrets as `callgenie serve`, so both may run at
once: a call that one of them counts is a call that the other one knows.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Self

from callgenie.billing.models import Usage
from callgenie.conversations.models import Conversation, Exchange, MetricValue, SavedExchange
from callgenie.kernel.clock import SystemClock
from callgenie.kernel.errors import InvalidError, UnavailableError
from callgenie.kernel.ids import SessionId, SystemRandomness, UserId
from callgenie.kernel.vocabulary import CallStatus
from callgenie.mongo.embedded import open_database
from callgenie.mongo.folder import DataFolder
from callgenie.mongo.schema import init_db
from callgenie.profiles.models import Profile
from callgenie.settings import Settings
from callgenie.users.models import User
from callgenie.wiring.records import Records, build_records
from callgenie.wiring.secrets import gather_secrets


class UnknownStatusError(InvalidError):
    """The status is none that a conversation can have."""

    code = "unknown_status"


class UserService:
    """Users, their conversations and their usage. Get one with `UserService.open()`."""

    def __init__(self, records: Records) -> None:
        self._records = records

    @classmethod
    @asynccontextmanager
    async def open(cls, *, mongodb_uri: str | None = None, data_dir: Path | str | None = None) -> AsyncIterator[Self]:
        """Connect, bring the database into shape, and yield the service; disconnect at the end of the block.

        Args:
            mongodb_uri: A replica set; without it the setting `MONGODB_URI`, and without that the embedded database,
                which is started, or joined when `callgenie serve` runs it.
            data_dir: Where the embedded database and the secrets are; without it the setting `CALLGENIE_DATA_DIR`.

        Raises:
            DomainError: The database or the secrets cannot be had; the sentence says what to do.
        """
        given = {"mongodb_uri": mongodb_uri, "data_dir": data_dir}
        settings = Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type] # pydantic judges them
        DataFolder(settings.data_dir).prepare()
        secrets = gather_secrets(settings)
        async with open_database(settings, purpose="command", progress=lambda _line: None) as database:
            await init_db(database.db)
            records = build_records(settings, database, secrets, clock=SystemClock(), randomness=SystemRandomness())
            try:
                yield cls(records)
            finally:
                # A server on the same database sends what is asked for here.
                with suppress(UnavailableError):
                    await records.usage_notices.look()
                records.passwords.close()

    async def create_user(
        self, *, email: str, password: str, name: str, phone: str | None = None
    ) -> tuple[User, Profile]:
        """Sign up a user; `phone` is E.164.

        Raises:
            EmailTakenError: The address belongs to an account.
            InvalidError: An address, name, phone number or password that cannot be taken; the subclass says which.
        """
        user, profile = await self._records.sign_up.register(email=email, password=password, name=name, phone=phone)
        if self._records.settings.verified_only:
            # Otherwise they could not sign in over HTTP; here the account can be used at once.
            await self._records.account_mail.ask_verification(user.id)
        return user, profile

    async def save_conversation(
        self,
        *,
        user_id: UserId | str,
        phone_number: str,
        session_id: str,
        user_message: str,
        ai_response: str,
        duration: int | None = None,
        status: str | None = None,
        exchange_id: str | None = None,
        started_at: datetime | None = None,
        audio_url: str | None = None,
        metrics: dict[str, MetricValue] | None = None,
    ) -> SavedExchange:
        """Save one exchange of a conversation that was held elsewhere; again: nothing is doubled.

        With `status="completed"` and a `duration` in seconds the usage is settled, once: what still fits the plan
        becomes `billable_seconds`, the rest `overage_seconds`. The conversation itself is always kept.

        Raises:
            InvalidExchangeError: Some of it is not as it must be.
            SessionConflictError: The session id belongs to a call with another number.
        """
        exchange = Exchange(
            session_id=SessionId(session_id),
            phone_number=phone_number,
            user_message=user_message,
            ai_response=ai_response,
            duration=duration,
            status=None if status is None else _status(status),
            exchange_id=exchange_id,
            started_at=started_at,
            audio_url=audio_url,
            metrics=metrics or {},
        )
        return await self._records.conversations.save_exchange(UserId(user_id), exchange)

    async def check_usage_limits(self, user_id: UserId | str) -> Usage:
        """Tell whether one more call would be admitted now (`allowed`), and if not, why (`reason`). Never writes."""
        return await self._records.usage.check(UserId(user_id))

    async def conversation(self, user_id: UserId | str, session_id: str) -> Conversation:
        """Return one conversation with its turns.

        Raises:
            ConversationNotFoundError: The user has none of that id.
        """
        return await self._records.conversations.get(UserId(user_id), SessionId(session_id))


def _status(text: str) -> CallStatus:
    try:
        return CallStatus(text)
    except ValueError:
        known = ", ".join(CallStatus)
        raise UnknownStatusError(f"The status must be one of: {known}.") from None
