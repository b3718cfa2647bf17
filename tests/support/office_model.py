"""What calls and the ledger should come to, in plain Python: nothing here knows a database."""

from dataclasses import dataclass, field
from datetime import datetime

from callgenie.billing.plans import Plan
from callgenie.calls.models import AnsweredCall


@dataclass
class Hold:
    seconds: int
    calls: int = 1
    live: bool = True


@dataclass
class Period:
    calls: int = 0
    seconds: int = 0
    holds: dict[str, Hold] = field(default_factory=dict)

    @property
    def held_calls(self) -> int:
        return sum(hold.calls for hold in self.holds.values())

    @property
    def live_calls(self) -> int:
        return sum(hold.live for hold in self.holds.values())

    def rest(self, plan: Plan) -> int:
        held = sum(hold.seconds for hold in self.holds.values())
        return 10**9 if plan.seconds is None else max(0, plan.seconds - self.seconds - held)

    def has_a_call_left(self, plan: Plan) -> bool:
        return plan.calls is None or self.calls + self.held_calls < plan.calls

    def admits(self, plan: Plan) -> bool:
        return self.has_a_call_left(plan) and self.rest(plan) > 0 and self.live_calls < plan.concurrent

    def settle(self, name: str, *, billable: int, counted: bool) -> None:
        hold = self.holds.pop(name, None)
        if hold is not None:
            self.seconds += min(billable, hold.seconds)
            self.calls += counted


@dataclass
class Call:
    """What the model knows of one call. `hand` is what the worker that answered it holds, until that worker dies."""

    period: datetime
    state: str
    hand: AnsweredCall | None = None
    was_answered: bool = False
    granted: int = 0
    last_heard: int = 0
    billable: int = 0
    turns: dict[int, str] = field(default_factory=dict)
    unknown: tuple[int, str] | None = None


@dataclass
class Saved:
    period: datetime
    duration: int
    billable: int | None = None
    counted: bool = False
