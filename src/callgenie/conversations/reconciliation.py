"""Compares the usage ledger with the record it was settled from; they must agree for every user and period."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from callgenie.billing.ledger import UsageLedger
from callgenie.billing.models import LedgerPeriod
from callgenie.conversations.totals_store import PeriodTotals, TotalsStore
from callgenie.kernel.ids import UserId

_NOTHING: Final = PeriodTotals()


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Something the ledger says and the record does not bear out."""

    user_id: UserId
    period_start: datetime
    what: str
    ledger: int
    record: int


class Reconciliation:
    """Finds differences; mends nothing.

    The two are read one after the other, so while calls begin and end a difference may be one of time. At rest, or
    when it is there a second time, it is a fault.
    """

    def __init__(self, ledger: UsageLedger, totals: TotalsStore) -> None:
        self._ledger = ledger
        self._totals = totals

    async def reconcile(self, user_id: UserId | None = None) -> list[Mismatch]:
        """Return every difference of the user's periods, or of everybody's."""
        ledger = {(period.user_id, period.start): period for period in await self._ledger.periods(user_id)}
        record = await self._totals.by_period(user_id)
        found: list[Mismatch] = []
        for user, start in sorted(ledger.keys() | record.keys()):
            period = ledger.get((user, start)) or LedgerPeriod(user, start)
            found += [
                Mismatch(user, start, what, said, is_so)
                for what, (said, is_so) in _differences(period, record.get((user, start), _NOTHING)).items()
            ]
        return found


def _differences(period: LedgerPeriod, totals: PeriodTotals) -> Mapping[str, tuple[int, int]]:
    standing = period.standing
    compared = {
        "seconds": (standing.seconds, _nearest(standing.seconds, totals.seconds, totals.unsettled_seconds)),
        "calls": (standing.calls, _nearest(standing.calls, totals.calls, totals.unsettled_calls)),
        "held": (standing.held_seconds, sum(period.holds.values())),
        "holds": (len(period.holds), len(period.holds.keys() & totals.open_sessions)),
    }
    return {what: (said, is_so) for what, (said, is_so) in compared.items() if said != is_so}


def _nearest(said: int, settled: int, unsettled: int) -> int:
    """Return what the ledger may say next to what it says: of a call being settled, either side is right."""
    return min(max(said, settled), settled + unsettled)
