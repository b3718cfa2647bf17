"""What each plan allows in one period. `None` is unlimited."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from callgenie.kernel.vocabulary import PlanName


@dataclass(frozen=True, slots=True)
class Plan:
    """What a user pays for: calls and whole seconds in a period, and calls at the same time."""

    name: PlanName
    calls: int | None
    seconds: int | None
    concurrent: int


PLANS: Final = MappingProxyType(
    {
        plan.name: plan
        for plan in (
            Plan(PlanName.FREE, calls=10, seconds=30 * 60, concurrent=1),
            Plan(PlanName.BASIC, calls=100, seconds=300 * 60, concurrent=3),
            Plan(PlanName.PREMIUM, calls=1000, seconds=3000 * 60, concurrent=10),
            # Calls at the same time stay bounded even here: every hold lives in one document (see `ledger`).
            Plan(PlanName.ENTERPRISE, calls=None, seconds=None, concurrent=50),
        )
    }
)
