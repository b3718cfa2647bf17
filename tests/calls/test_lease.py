"""The granted seconds of a call: what is due when, and why the call ends with them."""

import pytest

from callgenie.calls.lease import GOODBYE_SECONDS, Lease, Step
from callgenie.calls.models import Beat
from callgenie.kernel.vocabulary import EndedReason, Fault


def refused(granted_seconds: int, reason: EndedReason | None = None) -> Beat:
    return Beat(granted_seconds, more_refused=True, ended=False, reason=reason)


def test_nothing_is_due_while_more_may_still_be_granted() -> None:
    lease = Lease(60)
    assert {lease.due(elapsed) for elapsed in (0.0, 29.0, 31.0, 53.9)} == {Step.NOTHING}


def test_a_warning_and_a_goodbye_are_due_once_and_the_end_for_ever() -> None:
    lease = Lease(60)
    lease.renewed(refused(60))
    due = [lease.due(elapsed) for elapsed in (29.9, 30.0, 30.1, 54.0, 54.1, 60.0, 60.1)]
    hang_up = Step.HANG_UP
    assert due == [Step.NOTHING, Step.WARN, Step.NOTHING, Step.SAY_GOODBYE, Step.NOTHING, hang_up, hang_up]


def test_a_database_that_is_away_is_warned_of_as_well() -> None:
    lease = Lease(60, cut_off=True)
    assert lease.due(30.0) is Step.WARN
    lease.renewed(Beat(110, more_refused=False, ended=False))
    assert (lease.due(55.0), lease.granted_seconds, lease.cut_off) == (Step.NOTHING, 110, False)


def test_who_has_but_a_few_seconds_is_not_said_goodbye_to_before_it_is_known_why() -> None:
    lease = Lease(5)
    assert (lease.due(0.0), lease.due(0.9)) == (Step.NOTHING, Step.NOTHING)
    assert lease.next_look(0.0) < 0.2
    lease.renewed(refused(5, EndedReason.USAGE_LIMIT))
    assert lease.due(0.9) is Step.SAY_GOODBYE
    assert lease.end == (EndedReason.USAGE_LIMIT, Fault.CUSTOMER)


def test_a_few_seconds_that_become_more_need_no_goodbye() -> None:
    lease = Lease(5)
    assert lease.due(0.0) is Step.NOTHING
    lease.renewed(Beat(60, more_refused=False, ended=False))
    assert lease.due(0.1) is Step.NOTHING


@pytest.mark.parametrize(("granted", "patience"), [(6, 1.0), (4, 1.0), (2, 0.5), (1, 0.25)])
def test_an_answer_is_waited_for_no_longer_than_the_seconds_allow(granted: int, patience: float) -> None:
    assert Lease(granted).due(patience - 0.01) is Step.NOTHING
    assert Lease(granted).due(patience) is Step.SAY_GOODBYE
    assert Lease(granted, cut_off=True).due(0.0) is Step.SAY_GOODBYE


def test_what_was_granted_is_never_taken_back() -> None:
    lease = Lease(80)
    lease.renewed(refused(60))
    assert lease.granted_seconds == 80


@pytest.mark.parametrize("elapsed", [0.0, 29.5, 30.0, 53.7, 54.0, 59.99, 60.0, 75.0])
def test_a_look_comes_at_least_once_a_second_and_at_each_moment_that_matters(elapsed: float) -> None:
    later = Lease(60).next_look(elapsed)
    assert 0 < later <= 1
    for moment in (30.0, 60 - GOODBYE_SECONDS, 60.0):
        assert not elapsed < moment < elapsed + later - 1e-9


@pytest.mark.parametrize(
    ("reason", "end"),
    [
        (None, (EndedReason.USAGE_LIMIT, Fault.CUSTOMER)),
        (EndedReason.ACCOUNT_SUSPENDED, (EndedReason.ACCOUNT_SUSPENDED, Fault.CUSTOMER)),
        (EndedReason.MAX_DURATION, (EndedReason.MAX_DURATION, Fault.NONE)),
    ],
)
def test_a_call_ends_for_the_reason_for_which_more_was_refused(
    reason: EndedReason | None, end: tuple[EndedReason, Fault]
) -> None:
    lease = Lease(60)
    lease.renewed(refused(60, reason))
    assert lease.end == end


def test_a_call_that_could_not_ask_ends_by_our_fault() -> None:
    assert Lease(60, cut_off=True).end == (EndedReason.LEASE_EXPIRED, Fault.PLATFORM)
