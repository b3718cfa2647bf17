"""The ledger against a model of a page: random steps, repeated, late and out of order, must agree with it."""

import asyncio
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from tests.support.metered_calls import PERIOD, metered, new_user, past, soon

from callgenie.billing.ledger import UsageLedger
from callgenie.billing.models import Granted, Standing
from callgenie.billing.plans import Plan
from callgenie.kernel.vocabulary import PlanName
from callgenie.mongo.client import connect

names = st.sampled_from(["a", "b.c", "$d", "e"])
seconds = st.integers(0, 200)


@dataclass
class Model:
    calls: int = 0
    seconds: int = 0
    holds: dict[str, int] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)

    def rest(self, plan: Plan) -> int:
        return 10**9 if plan.seconds is None else max(0, plan.seconds - self.seconds - sum(self.holds.values()))

    def admits(self, plan: Plan) -> bool:
        return (
            (plan.calls is None or self.calls + len(self.holds) < plan.calls)
            and self.rest(plan) > 0
            and len(self.holds) < plan.concurrent
        )


class LedgerMachine(RuleBasedStateMachine):
    runner: asyncio.Runner
    ledger: UsageLedger

    def __init__(self) -> None:
        super().__init__()
        self.user = new_user()
        self.model = Model()
        self.plan = Plan(PlanName.BASIC, calls=3, seconds=250, concurrent=2)

    @rule(calls=st.none() | st.integers(1, 5), limit=st.none() | st.integers(1, 400), concurrent=st.integers(1, 3))
    def change_plan(self, calls: int | None, limit: int | None, concurrent: int) -> None:
        self.plan = Plan(PlanName.BASIC, calls, limit, concurrent)

    @rule(name=names, late=st.booleans())
    def admit(self, name: str, *, late: bool) -> None:
        deadline = past() if late else soon()
        answer = self.runner.run(self.ledger.admit(metered(self.user, name), self.plan, admit_by=deadline))
        if name not in self.model.holds and not late and name not in self.model.gone and self.model.admits(self.plan):
            self.model.holds[name] = min(60, self.model.rest(self.plan))
        assert isinstance(answer, Granted) == (name in self.model.holds)
        assert not isinstance(answer, Granted) or answer.seconds == self.model.holds[name]

    @rule(name=names, total=seconds)
    def extend(self, name: str, total: int) -> None:
        hold = self.runner.run(self.ledger.extend(metered(self.user, name), self.plan, total_seconds=total))
        if name in self.model.holds:
            held = self.model.holds[name]
            self.model.holds[name] = max(held, min(total, held + self.model.rest(self.plan)))
        assert (hold and hold.seconds) == self.model.holds.get(name)

    @rule(name=names, billable=seconds, counted=st.booleans())
    def settle(self, name: str, billable: int, *, counted: bool) -> None:
        call = metered(self.user, name)
        self.runner.run(self.ledger.settle(call, billable_seconds=billable, counted=counted))
        held = self.model.holds.pop(name, None)
        self.model.gone.add(name)
        if held is not None:
            self.model.seconds += min(billable, held)
            self.model.calls += counted

    @invariant()
    def agrees(self) -> None:
        holds = self.model.holds
        assert self.runner.run(self.ledger.standing(self.user, PERIOD)) == Standing(
            calls=self.model.calls,
            seconds=self.model.seconds,
            held_calls=len(holds),
            held_seconds=sum(holds.values()),
            live_calls=len(holds),
        )


def test_the_ledger_agrees_with_its_model_whatever_comes(mongodb_uri: str) -> None:
    with asyncio.Runner() as runner:
        database = runner.run(connect(mongodb_uri))
        LedgerMachine.runner, LedgerMachine.ledger = runner, UsageLedger(database.db)
        run_state_machine_as_test(
            LedgerMachine,
            settings=settings(max_examples=60, stateful_step_count=25, database=None),
        )
        runner.run(database.close())
