"""Tells users by mail when most of their plan is used, and when all of it is; once each in a period.

The ledger only notes whose usage has moved, in memory, which takes no time and cannot fail. Somebody else looks a
moment later. Should the process die in that moment, the next call of the user makes up for it, also one that is
refused because nothing is left.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from callgenie.billing.ledger import UsageLedger
from callgenie.billing.models import MeteredCall, Standing, period_key
from callgenie.billing.plans import Plan
from callgenie.billing.terms import TermsReader
from callgenie.jobs.outbox import Written
from callgenie.jobs.outbox_models import NewMail, OutboxEntry
from callgenie.jobs.outbox_store import OutboxStore
from callgenie.kernel.clock import Clock
from callgenie.kernel.errors import NotFoundError, UnavailableError
from callgenie.kernel.ids import UserId
from callgenie.mail.models import Letter
from callgenie.mail.rendering import one_line
from callgenie.users.store import UserStore

# In percent of the plan, the highest first: who has used all of it need not be told about most of it.
LEVELS: Final = (100, 80)
KINDS: Final = tuple(f"usage{level}" for level in LEVELS)

# Longer than any period: as long as the mail is remembered, it is not sent again.
_KEPT_FOR: Final = timedelta(days=62)
# More users than one process serves between two looks. What is beyond is noted at their next call.
_MOVED_MAX: Final = 10_000
_NAME_CHARS_MAX: Final = 60
_SECONDS_A_MINUTE: Final = 60


class MovedUsage:
    """The periods in which something was settled or refused since somebody last looked."""

    def __init__(self) -> None:
        self._periods: set[tuple[UserId, datetime]] = set()

    def note(self, call: MeteredCall) -> None:
        """Note a call's period."""
        if len(self._periods) < _MOVED_MAX:
            self._periods.add((call.user_id, call.period_start))

    def put_back(self, user_id: UserId, period_start: datetime) -> None:
        """Have a period looked at again."""
        self._periods.add((user_id, period_start))

    def take(self) -> tuple[UserId, datetime] | None:
        """Return a period that nobody has looked at since, or None."""
        return self._periods.pop() if self._periods else None


@dataclass(frozen=True, slots=True)
class Share:
    """How much of one limit is used; `limit` is None where there is none."""

    used: int
    limit: int | None

    def reaches(self, percent: int) -> bool:
        """Tell whether so much of it is used."""
        return self.limit is not None and self.used * 100 >= self.limit * percent


def level_of(standing: Standing, plan: Plan) -> int | None:
    """Return the highest of `LEVELS` that calls or seconds have reached, or None."""
    shares = (Share(standing.calls, plan.calls), Share(standing.seconds, plan.seconds))
    return next((level for level in LEVELS if any(share.reaches(level) for share in shares)), None)


class ThresholdEvents(Protocol):
    """Tells the owner's programs what the owner is told by mail."""

    async def reached(self, user_id: UserId, *, key: str, percent: int, at: datetime, facts: Mapping[str, Any]) -> None:
        """Tell that a user has used so much of the plan, once for each `key`."""
        ...


class UsageNotices:
    """Looks at usage that has moved and asks for the mail and the event that are due."""

    def __init__(
        self,
        moved: MovedUsage,
        ledger: UsageLedger,
        terms: TermsReader,
        outbox: OutboxStore,
        clock: Clock,
        events: ThresholdEvents,
    ) -> None:
        self._events = events
        self._moved = moved
        self._ledger = ledger
        self._terms = terms
        self._outbox = outbox
        self._clock = clock

    async def look(self) -> None:
        """Look at everything that has moved.

        Raises:
            UnavailableError: The database is away; what is left is looked at the next time.
        """
        while (period := self._moved.take()) is not None:
            try:
                await self._look_at(*period)
            except UnavailableError:
                self._moved.put_back(*period)
                raise
            except NotFoundError:
                # The user has been erased; nobody is left to be told.
                continue

    async def _look_at(self, user_id: UserId, period_start: datetime) -> None:
        terms = await self._terms.of(user_id)
        period = terms.period_at(self._clock.now())
        if period.start != period_start:
            # A period that is over needs no warning.
            return
        standing = await self._ledger.standing(user_id, period_start)
        level = level_of(standing, terms.plan)
        if level is None:
            return
        facts = {
            "plan": terms.plan.name.value,
            "calls": standing.calls,
            "callLimit": terms.plan.calls,
            "seconds": standing.seconds,
            "secondLimit": terms.plan.seconds,
            "periodStart": period.start,
            "periodEnd": period.end,
        }
        kind = f"usage{level}"
        key = f"{kind}:{period_key(user_id, period_start)}"
        mail = NewMail(key, kind, user_id=user_id, facts={"level": level, **facts}, kept_for=_KEPT_FOR)
        await self._outbox.put(mail)
        await self._events.reached(user_id, key=key, percent=level, at=self._clock.now(), facts=facts)


class UsageNoticeWriter:
    """Says how much of a plan is used."""

    def __init__(self, users: UserStore, origin: str) -> None:
        self._users = users
        self._origin = origin

    async def write(self, entry: OutboxEntry) -> Written | None:
        """Return the letter, or None when the account is gone."""
        user = None if entry.user_id is None else await self._users.find(entry.user_id)
        if user is None:
            return None
        facts = entry.facts
        all_of_it = facts["level"] == LEVELS[0]
        plan, end = facts["plan"], facts["periodEnd"]
        until = f"{end:%d %B %Y, %H:%M} UTC" if isinstance(end, datetime) else str(end)
        subject = f"Your {plan} plan is used up" if all_of_it else f"{facts['level']} % of your {plan} plan is used"
        effect = f"Until {until}, your assistant answers no new calls." if all_of_it else f"It starts anew on {until}."
        calls = _share(facts["calls"], facts["callLimit"])
        minutes = _share(_minutes(facts["seconds"]), _minutes(facts["secondLimit"]))
        letter = Letter(
            subject=subject,
            greeting=f"Hello {one_line(user.name, _NAME_CHARS_MAX)},",
            paragraphs=(f"you have used {calls} calls and {minutes} minutes of your {plan} plan.", effect),
            closing=(f"The API shows your usage at {self._origin}/api/user/usage",),
        )
        return Written(user.email, letter)


def _share(used: object, limit: object) -> str:
    return f"{used}" if limit is None else f"{used} of {limit}"


def _minutes(seconds: object) -> int | None:
    # Up, so that a plan that is used up does not read as if a minute were left.
    return -(-seconds // _SECONDS_A_MINUTE) if isinstance(seconds, int) else None
