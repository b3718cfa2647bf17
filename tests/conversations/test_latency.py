from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from callgenie.conversations.latency import latency_percentiles, percentile
from callgenie.conversations.models import RecordedTurn
from callgenie.kernel.vocabulary import TurnRole
from callgenie.voice.turn import TurnLatency


def turn(latency: TurnLatency | None) -> RecordedTurn:
    return RecordedTurn(1, TurnRole.ASSISTANT, "Hi", datetime(2026, 1, 1, tzinfo=UTC), latency=latency)


def test_percentiles_are_of_the_turns_that_were_measured() -> None:
    turns = [turn(None), *(turn(TurnLatency(server_e2e_ms=value)) for value in (100, 300, 200, 900))]
    assert latency_percentiles(turns, 50) == {"serverE2e": 200}
    assert latency_percentiles(turns, 95) == {"serverE2e": 900}
    assert latency_percentiles([], 50) == {}


@given(st.lists(st.integers(0, 10_000), min_size=1), st.integers(1, 100))
def test_a_percentile_is_the_smallest_value_that_enough_do_not_exceed(values: list[int], percent: int) -> None:
    value = percentile(values, percent)
    assert sum(each <= value for each in values) * 100 >= percent * len(values)
    assert sum(each < value for each in values) * 100 < percent * len(values)
