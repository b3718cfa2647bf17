"""Tells users where they stand."""

from callgenie.billing.ledger import UsageLedger
from callgenie.billing.models import Usage
from callgenie.billing.terms import Terms, TermsReader
from callgenie.kernel.clock import Clock
from callgenie.kernel.ids import UserId


class UsageService:
    """Reads usage and never writes it: what it says is advice, and only the ledger's admission decides.

    A hold whose lease has run out counts as in use until the sweeper has settled it, because the ledger counts it
    too: an answer that looked past it would promise a call that is then refused.
    """

    def __init__(self, ledger: UsageLedger, terms: TermsReader, clock: Clock) -> None:
        self._ledger = ledger
        self._terms = terms
        self._clock = clock

    async def check(self, user_id: UserId) -> Usage:
        """Return what the user has used and holds in the present period, and whether one more call would go."""
        return await self.check_under(await self._terms.of(user_id))

    async def check_under(self, terms: Terms) -> Usage:
        """Return the same for a user whose terms are at hand, in one question to the database."""
        period = terms.period_at(self._clock.now())
        standing = await self._ledger.standing(terms.user_id, period.start)
        return Usage(terms.barred or standing.refusal(terms.plan), terms.plan, period, standing)
