"""Tells users where they stand."""

from callgenie.billing.joined_store import JoinedStore
from callgenie.billing.ledger import UsageLedger
from callgenie.billing.models import Standing, Usage
from callgenie.billing.periods import Period
from callgenie.billing.terms import Terms, TermsReader
from callgenie.kernel.clock import Clock
from callgenie.kernel.ids import UserId


class UsageService:
    """Reads usage and never writes it: what it says is advice, and only the ledger's admission decides.

    A hold whose lease has run out counts as in use until the sweeper has settled it, because the ledger counts it
    too: an answer that looked past it would promise a call that is then refused.
    """

    def __init__(
        self, ledger: UsageLedger, terms: TermsReader, clock: Clock, joined: JoinedStore | None = None
    ) -> None:
        self._ledger = ledger
        self._terms = terms
        self._clock = clock
        self._joined = joined

    async def check(self, user_id: UserId) -> Usage:
        """Return what the user has used and holds in the present period, and whether one more call would go."""
        found = await self._joined.find(user_id, self._clock.now()) if self._joined else None
        if found is None:
            # No user, which the reader says, or one whose profile is made by being read.
            return await self.check_under(await self._terms.of(user_id))
        period = found.terms.period_at(self._clock.now())
        if found.period_start is None or found.period_start < period.start:
            return _usage(found.terms, period, Standing())
        if found.period_start == period.start:
            return _usage(found.terms, period, found.standing)
        # Periods were anchored anew, and the latest usage is of the old ones.
        return await self.check_under(found.terms)

    async def check_under(self, terms: Terms) -> Usage:
        """Return the same for a user whose terms are at hand, in one question to the database."""
        period = terms.period_at(self._clock.now())
        standing = await self._ledger.standing(terms.user_id, period.start)
        return _usage(terms, period, standing)


def _usage(terms: Terms, period: Period, standing: Standing) -> Usage:
    return Usage(terms.barred or standing.refusal(terms.plan), terms.plan, period, standing)
