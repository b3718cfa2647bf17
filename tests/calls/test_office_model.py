"""Accounts, calls, the record and the ledger against a model in plain Python, with workers that die at any step.

Whatever happens between, the ledger is what the model says after every step, and at the end everything that was
acknowledged is there once. A step that dies may have come any part of its way, so the model looks how far it came, and
takes nothing that it did not allow.
"""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

from bson import ObjectId
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.support.accounts import PASSWORD, make_services
from tests.support.crash import Crash, Crashed
from tests.support.database import empty
from tests.support.metering import Office, exchange, incoming, open_office
from tests.support.office_model import Call, Hold, Period, Saved

from callgenie.billing.models import Standing
from callgenie.billing.plans import PLANS
from callgenie.calls.errors import CallNotWaitingError
from callgenie.calls.models import Admitted, AnsweredCall
from callgenie.kernel.ids import SessionId, UserId
from callgenie.kernel.vocabulary import CallStatus, EndedReason, Fault, PlanName, TurnRole
from callgenie.mongo.client import Database, connect
from callgenie.numbers.models import NumberWish
from callgenie.users.errors import EmailTakenError
from callgenie.voice.turn import Turn

Document = dict[str, Any]
NUMBER = "+14155550100"
ADMITTED_SECONDS = 60
LONGEST_SECONDS = 1_800

names = st.sampled_from([f"CA{sign}{n}" for n in range(4) for sign in ("", "$", ".")])
recorded = st.sampled_from(["api-1", "api.2", "api$3"])
emails = st.sampled_from(["ann@example.com", "bob@example.com", "eve@example.com"])
# How many commands a worker still sends before it dies; most live.
dies = st.none() | st.none() | st.integers(0, 3)


class OfficeMachine(RuleBasedStateMachine):
    runner: asyncio.Runner
    database: Database
    crash: Crash

    def __init__(self) -> None:
        super().__init__()
        self.runner.run(empty(self.database.db))
        self.services: SimpleNamespace = make_services(self.database.db)
        self.office: Office = open_office(
            self.database.db,
            SimpleNamespace(profiles=self.services.profiles, terms=self.services.usage._terms),  # type: ignore[arg-type]
            max_call_seconds=LONGEST_SECONDS,
        )
        self.plan = PLANS[PlanName.FREE]
        self.accounts: set[str] = set()
        self.maybe_accounts: set[str] = set()
        self.periods: dict[datetime, Period] = {}
        self.calls: dict[str, Call] = {}
        self.saved: dict[str, Saved] = {}

    def teardown(self) -> None:
        try:
            if self.calls or self.saved:
                self.run_out_and_sweep()
            self.runner.run(self._check_the_record())
        finally:
            self.services.hasher.close()

    @initialize()
    def sign_up_the_owner(self) -> None:
        user, _ = self.runner.run(
            self.services.sign_up.register(email="owner@example.com", password=PASSWORD, name="O")
        )
        self.owner: UserId = user.id
        self.runner.run(self.office.numbers.import_numbers([NUMBER]))
        self.runner.run(self.office.numbers.assign(self.owner, NumberWish(number=NUMBER)))
        self.change_plan_to(PlanName.BASIC)
        for name in ("CA0", "CA$1"):
            self.pick_up(name)

    # What the model looks up

    def do(self, commands: int | None, operation: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """Return what the operation returned, or `Crashed`."""
        try:
            return self.runner.run(self.crash.after(commands, operation()))
        except Crashed:
            return Crashed

    def current(self) -> tuple[datetime, Period]:
        terms = self.runner.run(self.services.usage._terms.of(self.owner))
        start = terms.period_at(self.office.clock.now()).start
        return start, self.periods.setdefault(start, Period())

    def conversation(self, name: str) -> Document | None:
        return self.runner.run(
            self.database.db.conversations.find_one({"userId": ObjectId(self.owner), "sessionId": name})
        )

    def held(self, name: str, period: datetime) -> Document | None:
        documents = self.runner.run(self.database.db.usage.find({"periodStart": period}).to_list())
        holds = [hold for document in documents for hold in document["holds"].values() if hold["sessionId"] == name]
        return holds[0] if holds else None

    # Accounts

    @rule(email=emails, commands=dies)
    def register(self, email: str, commands: int | None) -> None:
        form = {"email": email, "password": PASSWORD, "name": "Somebody"}
        try:
            answer = self.do(commands, lambda: self.services.sign_up.register(**form))
        except EmailTakenError:
            assert email in self.accounts | self.maybe_accounts
            self.accounts.add(email)
            return
        if answer is Crashed:
            self.maybe_accounts.add(email)
        else:
            assert email not in self.accounts
            self.accounts.add(email)

    @rule(plan=st.sampled_from(list(PlanName)))
    def change_plan(self, plan: PlanName) -> None:
        self.change_plan_to(plan)

    def change_plan_to(self, plan: PlanName) -> None:
        query = {"userId": ObjectId(self.owner)}
        self.runner.run(self.database.db.userprofiles.update_one(query, {"$set": {"subscription.plan": plan}}))
        self.plan = PLANS[plan]

    @rule(days=st.integers(1, 40))
    def advance_the_clock(self, days: int) -> None:
        self.office.clock.time += timedelta(days=days)

    # Calls of our own

    @rule(name=names, commands=dies)
    def ring(self, name: str, commands: int | None) -> None:
        start, period = self.current()
        call = self.calls.get(name)
        if call is not None:
            period = self.periods[call.period]
        undecided = call is None or (call.state == "ringing" and name not in period.holds)
        admits = period.admits(self.plan)
        grant = min(ADMITTED_SECONDS, period.rest(self.plan))
        answer = self.do(commands, lambda: self.office.desk.ring(incoming(name)))
        if answer is Crashed:
            self._look_how_far_ringing_came(name, start, grant=grant if undecided and admits else None)
            return
        if undecided:
            self.calls[name] = call or Call(start, "ringing")
            if admits:
                period.holds[name] = Hold(grant)
            else:
                self.calls[name].state = "over"
        assert isinstance(answer, Admitted) == (self.calls[name].state in {"ringing", "answered"})

    def _look_how_far_ringing_came(self, name: str, start: datetime, *, grant: int | None) -> None:
        found = self.conversation(name)
        known = self.calls.get(name)
        if found is None:
            assert known is None
            return
        call = self.calls.setdefault(name, Call(start, "ringing"))
        hold = self.held(name, call.period)
        if grant is None:
            # Refused, or decided before: then nothing may have moved.
            assert (hold is None) == (name not in self.periods[call.period].holds)
        elif hold is not None:
            assert hold["seconds"] == grant
            self.periods[call.period].holds[name] = Hold(grant)
        if found["status"] not in {"ringing", "in-progress"}:
            assert known is not None or grant is None
            call.state = "over"

    @rule(name=names, commands=dies)
    def answer(self, name: str, commands: int | None) -> None:
        call = self.calls.get(name)
        waits = call is not None and call.state == "ringing" and name in self.periods[call.period].holds
        token = self.office.tokens.of(SessionId(name))
        try:
            answered = self.do(commands, lambda: self.office.desk.answer(SessionId(name), token))
        except CallNotWaitingError:
            assert not waits
            return
        if answered is Crashed and not waits:
            return
        assert waits
        assert call is not None
        if answered is Crashed:
            found = self.conversation(name)
            assert found is not None
            if found["status"] == "in-progress":
                call.state, call.was_answered, call.granted = "answered", True, found["grantedSeconds"]
            return
        call.state, call.was_answered, call.hand = "answered", True, answered
        call.granted = answered.granted_seconds
        assert call.granted == self.periods[call.period].holds[name].seconds

    @rule(name=names)
    def pick_up(self, name: str) -> None:
        if name not in self.calls:
            self.ring(name, None)
            self.answer(name, None)

    def _at_hand(self) -> list[str]:
        return [name for name, call in self.calls.items() if call.hand is not None]

    # One rule for all: the machine leaves out a rule or two at a time, and without these nothing of interest happens.
    @precondition(lambda self: bool(self._at_hand()))
    @rule(data=st.data(), step=st.sampled_from(["beat", "say", "end"]), commands=dies, times=st.integers(1, 2))
    def a_call_goes_on(self, data: st.DataObject, step: str, commands: int | None, times: int) -> None:
        if step == "beat":
            self.beat(data, commands)
        elif step == "say":
            self.say_something(data, commands, times)
        else:
            self.end(data, commands, times)

    def beat(self, data: st.DataObject, commands: int | None) -> None:
        name, call, hand = self._some_call(data)
        elapsed = data.draw(st.integers(call.last_heard, max(call.last_heard, call.granted)))
        period = self.periods[call.period]
        hold = period.holds[name]
        wanted = min(elapsed + ADMITTED_SECONDS, LONGEST_SECONDS)
        raised = max(hold.seconds, min(wanted, hold.seconds + period.rest(self.plan)))
        beat = self.do(commands, lambda: self.office.desk.beat(hand, elapsed))
        found = self.conversation(name)
        assert found is not None
        if beat is Crashed:
            now = self.held(name, call.period)
            assert now is not None
            assert now["seconds"] in {hold.seconds, raised}
            assert found["grantedSeconds"] in {call.granted, raised}
            hold.seconds, call.granted = now["seconds"], found["grantedSeconds"]
            call.hand = None
        else:
            assert (beat.granted_seconds, beat.ended) == (raised, False)
            hold.seconds = call.granted = raised
            assert found["heartbeatSeconds"] == elapsed
        assert call.last_heard <= found["heartbeatSeconds"] <= elapsed
        call.last_heard = found["heartbeatSeconds"]

    def say_something(self, data: st.DataObject, commands: int | None, times: int) -> None:
        name, call, hand = self._some_call(data)
        number, text = call.unknown or (len(call.turns) + 1, f"turn {len(call.turns) + 1} of {name}")
        turn = Turn(TurnRole.USER, text, call.last_heard * 1_000, call.last_heard * 1_000 + 900)

        async def save() -> None:
            for _ in range(times):
                await self.office.desk.save_turn(hand, number, turn, call.last_heard)

        if self.do(commands, save) is Crashed:
            call.unknown = (number, text)
        else:
            call.turns[number], call.unknown = text, None

    def end(self, data: st.DataObject, commands: int | None, times: int) -> None:
        name, call, hand = self._some_call(data)
        elapsed = data.draw(st.integers(call.last_heard, call.granted + 5))
        billable = min(elapsed, call.granted)

        async def hang_up() -> None:
            for _ in range(times):
                ended = await self.office.desk.end(
                    hand, reason=EndedReason.CALLER_HANGUP, fault=Fault.CALLER, elapsed_seconds=elapsed
                )
                assert (ended.billable_seconds, ended.settled) == (billable, True)

        crashed = self.do(commands, hang_up) is Crashed
        call.hand = None
        found = self.conversation(name)
        assert found is not None
        if crashed and found["status"] == "in-progress":
            return
        assert (found["billableSeconds"], found["counted"]) == (billable, True)
        call.state, call.billable = "over", billable
        if not crashed or self.held(name, call.period) is None:
            self.periods[call.period].settle(name, billable=billable, counted=True)

    def _some_call(self, data: st.DataObject) -> tuple[str, Call, AnsweredCall]:
        name = data.draw(st.sampled_from(self._at_hand()))
        call = self.calls[name]
        assert call.hand is not None
        return name, call, call.hand

    # Calls that another voice engine held

    @rule(name=recorded, duration=st.integers(0, 900), commands=dies)
    def save_a_recorded_call(self, name: str, duration: int, commands: int | None) -> None:
        if name in self.saved:
            duration = self.saved[name].duration
        start, period = self.current()
        fits = min(duration, period.rest(self.plan))
        counted = period.has_a_call_left(self.plan)
        body = exchange(name, duration=duration, status=CallStatus.COMPLETED, exchange_id="1")
        # A client that got no answer asks again, as it is told to.
        first = self.do(commands, lambda: self.office.conversations.save_exchange(self.owner, body))
        answer = (
            first
            if first is not Crashed
            else self.do(None, lambda: self.office.conversations.save_exchange(self.owner, body))
        )
        if name not in self.saved:
            self.saved[name] = Saved(start, duration, fits, counted)
            period.holds[name] = Hold(fits, int(counted), live=False)
            period.settle(name, billable=fits, counted=counted)
        known = self.saved[name]
        kept = answer.conversation
        assert (kept.billable_seconds, kept.overage_seconds, kept.counted) == (
            known.billable,
            known.duration - (known.billable or 0),
            known.counted,
        )

    # Time passes, and every worker that died has been dead for long

    @precondition(lambda self: bool(self.calls))
    @rule(sweeps_die_after=dies)
    def all_leases_run_out(self, sweeps_die_after: int | None) -> None:
        self.runner.run(self.office.let_all_leases_run_out())
        self.do(sweeps_die_after, self.office.sweeper.sweep)
        self.run_out_and_sweep()

    def run_out_and_sweep(self) -> None:
        self.runner.run(self.office.let_all_leases_run_out())
        for _ in range(2):
            report = self.runner.run(self.office.sweeper.sweep())
            assert report.failed == 0
        for name, call in self.calls.items():
            if call.state == "answered":
                call.billable = min(call.last_heard, call.granted)
            self.periods[call.period].settle(name, billable=call.billable, counted=call.was_answered)
            call.state, call.hand = "over", None

    @invariant()
    def the_ledger_is_what_the_model_says(self) -> None:
        for start, period in self.periods.items():
            assert self.runner.run(self.office.ledger.standing(self.owner, start)) == Standing(
                calls=period.calls,
                seconds=period.seconds,
                held_calls=period.held_calls,
                held_seconds=sum(hold.seconds for hold in period.holds.values()),
                live_calls=period.live_calls,
            )

    async def _check_the_record(self) -> None:
        for email in self.accounts | self.maybe_accounts:
            accounts = await self.database.db.users.count_documents({"email": email})
            assert accounts == 1 or (accounts == 0 and email not in self.accounts)
            if accounts:
                user = await self.services.users.check_password(email, PASSWORD)
                assert (await self.services.profiles.get(user.user.id)).user_id == user.user.id
        found = await self.database.db.conversations.find({}).to_list()
        assert len({document["sessionId"] for document in found}) == len(found)
        there = {document["sessionId"]: document for document in found}
        for name, call in self.calls.items():
            texts = [turn["text"] for turn in there[name].get("turns", ())]
            said = [text for _, text in sorted(call.turns.items())]
            assert texts in (said, [*said, *(call.unknown or ())[1:]])
        for name in self.saved:
            assert len(there[name]["turns"]) == 2
        assert await self.office.reconciliation.reconcile() == []


def test_the_office_agrees_with_its_model_whoever_dies(mongodb_uri: str) -> None:
    crash = Crash()
    with asyncio.Runner() as runner:
        database = runner.run(connect(mongodb_uri, listeners=[crash]))
        OfficeMachine.runner, OfficeMachine.database, OfficeMachine.crash = runner, database, crash
        run_state_machine_as_test(
            OfficeMachine,
            settings=settings(
                max_examples=60,
                stateful_step_count=40,
                database=None,
                # Shrinking plays it all again hundreds of times, longer than a test may take.
                phases=[Phase.generate],
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
            ),
        )
        runner.run(database.close())
