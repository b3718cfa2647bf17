"""When a provider is left alone, and when it is tried again."""

from datetime import UTC, datetime

import pytest
from tests.support.metering import SetClock

from callgenie.voice.breaker import Breaker
from callgenie.voice.ports import ProviderError

SLOW = ProviderError("openai", "timeout", permanent=False)


class Trial:
    """A breaker, and a clock that is moved by hand."""

    def __init__(self) -> None:
        self.clock = SetClock(datetime(2026, 5, 4, 12, tzinfo=UTC))
        self.breaker = Breaker(self.clock)

    def wait(self, seconds: float) -> None:
        self.clock.time = datetime.fromtimestamp(self.clock.time.timestamp() + seconds, UTC)

    def fails(self, times: int, error: ProviderError = SLOW) -> None:
        for _ in range(times):
            self.breaker.failed(error)

    def rest_seconds(self) -> int:
        """Return how long it rests from now on."""
        seconds = 0
        while self.breaker.rests:
            self.wait(1)
            seconds += 1
        return seconds


@pytest.fixture
def trial() -> Trial:
    return Trial()


def test_three_failures_in_a_row_and_it_rests(trial: Trial) -> None:
    trial.fails(2)
    assert trial.breaker.lets_through()
    trial.fails(1)
    assert not trial.breaker.lets_through()


def test_failures_with_a_success_between_them_are_accidents(trial: Trial) -> None:
    for _ in range(10):
        trial.fails(2)
        trial.breaker.succeeded()
    assert trial.breaker.lets_through()


@pytest.mark.parametrize("category", ["unauthorized", "quota_exceeded", "not_found"])
def test_what_is_wrong_with_the_account_is_wrong_for_all_calls_at_once(trial: Trial, category: str) -> None:
    trial.fails(1, ProviderError("openai", category, permanent=True))
    assert trial.breaker.rests


def test_one_callers_strange_request_says_nothing_about_others(trial: Trial) -> None:
    trial.fails(1, ProviderError("openai", "invalid_request", permanent=True))
    assert not trial.breaker.rests


def test_who_wants_to_be_left_alone_is_left_alone_as_long_but_not_for_an_hour(trial: Trial) -> None:
    trial.fails(1, ProviderError("openai", "rate_limited", permanent=False, retry_after_seconds=45))
    assert trial.rest_seconds() == 45
    trial.breaker.succeeded()
    trial.fails(1, ProviderError("openai", "rate_limited", permanent=False, retry_after_seconds=3_000))
    assert trial.rest_seconds() == 300


def test_after_a_rest_one_tries_and_the_others_wait_for_how_it_went(trial: Trial) -> None:
    trial.fails(3)
    trial.wait(20)
    assert trial.breaker.lets_through()
    assert not trial.breaker.lets_through()
    trial.breaker.succeeded()
    assert trial.breaker.lets_through()
    assert trial.breaker.lets_through()


def test_a_trial_that_nobody_hears_of_again_does_not_close_the_door_for_good(trial: Trial) -> None:
    trial.fails(3)
    trial.wait(20)
    assert trial.breaker.lets_through()
    trial.wait(10)
    assert trial.breaker.lets_through()


def test_each_failure_after_a_rest_doubles_it_up_to_five_minutes(trial: Trial) -> None:
    trial.fails(3)
    rests = []
    for _ in range(6):
        rests.append(trial.rest_seconds())
        trial.fails(1)
    assert rests == [20, 40, 80, 160, 300, 300]
    trial.breaker.succeeded()
    trial.fails(3)
    assert trial.rest_seconds() == 20
