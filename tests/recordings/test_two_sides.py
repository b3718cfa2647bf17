"""Both sides on one line of time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgenie.recordings.two_sides import TwoSides

RATE = 8_000
FRAME = 160
FRAME_SECONDS = 0.02


def loud(number: int) -> bytes:
    """Return a frame that can be told from every other."""
    return np.full(FRAME, 1_000 + number, "<i2").tobytes()


QUIET = bytes(FRAME * 2)


def samples(pcm: bytes) -> list[int]:
    return [int(sample) for sample in np.frombuffer(pcm, "<i2")]


def frames(pcm: bytes) -> list[int]:
    """Return the first sample of each frame, less what makes it loud; -1000 is silence."""
    return [sample - 1_000 for sample in samples(pcm)[::FRAME]]


NOTHING = -1_000


def test_what_the_caller_says_is_where_it_was_said() -> None:
    sides = TwoSides(RATE)
    for number in range(10):
        sides.caller_said(loud(number), (number + 1) * FRAME_SECONDS)
    caller, ours = sides.take(0.2)
    assert frames(caller) == list(range(10))
    assert ours == bytes(len(caller))


def test_what_we_send_ahead_is_heard_one_piece_after_the_other() -> None:
    sides = TwoSides(RATE)
    for number in range(5):
        sides.we_sent(loud(number), 0.1)
    _, ours = sides.take(0.3)
    assert frames(ours) == [NOTHING] * 5 + [0, 1, 2, 3, 4] + [NOTHING] * 5


def test_what_comes_after_the_carrier_ran_dry_is_heard_when_it_comes() -> None:
    sides = TwoSides(RATE)
    sides.we_sent(loud(0), 0.0)
    sides.we_sent(loud(1), 0.1)
    assert frames(sides.take(0.14)[1]) == [0, NOTHING, NOTHING, NOTHING, NOTHING, 1, NOTHING]


def test_what_was_cleared_before_it_was_played_was_never_heard() -> None:
    sides = TwoSides(RATE)
    for number in range(50):
        sides.we_sent(loud(number), 0.0)
    sides.cleared(0.1)
    sides.we_sent(loud(90), 0.16)
    assert frames(sides.take(0.2)[1]) == [0, 1, 2, 3, 4, NOTHING, NOTHING, NOTHING, 90, NOTHING]


def test_clearing_reaches_back_to_what_was_taken_and_no_further() -> None:
    sides = TwoSides(RATE)
    for number in range(50):
        sides.we_sent(loud(number), 0.0)
    assert frames(sides.take(0.2)[1]) == list(range(10))
    sides.cleared(0.1)
    assert frames(sides.take(0.24)[1]) == [NOTHING, NOTHING]


def test_both_sides_are_always_equally_long() -> None:
    sides = TwoSides(RATE)
    sides.caller_said(loud(0), 0.02)
    for until in (0.01, 0.01, 0.5, 0.3, 0.7):
        caller, ours = sides.take(until)
        assert len(caller) == len(ours)
    caller, ours = sides.take_rest(1.0)
    assert len(caller) == len(ours) == round(0.3 * RATE) * 2


def test_the_end_holds_the_callers_last_words_and_nothing_unplayed_of_ours() -> None:
    sides = TwoSides(RATE)
    for number in range(50):
        sides.we_sent(loud(number), 0.0)
    for number in range(5):
        sides.caller_said(loud(number), (number + 1) * FRAME_SECONDS)
    caller, ours = sides.take_rest(0.1)
    assert frames(caller) == frames(ours) == [0, 1, 2, 3, 4]


def test_a_hole_in_what_the_caller_said_stays_a_hole() -> None:
    sides = TwoSides(RATE)
    sides.caller_said(loud(0), 0.02)
    sides.caller_said(loud(1), 1.02)
    caller, _ = sides.take(1.02)
    assert frames(caller) == [0] + [NOTHING] * 49 + [1]


@given(st.lists(st.integers(min_value=0, max_value=12), min_size=50, max_size=150))
def test_jitter_neither_loses_nor_tears_a_word(delays: list[int]) -> None:
    """Frames that come late by up to a quarter of a second, in their order, are heard as they were said."""
    sides = TwoSides(RATE)
    came = 0.0
    for number, delay in enumerate(delays):
        came = max(came, (number + 1) * FRAME_SECONDS + delay * FRAME_SECONDS)
        sides.caller_said(loud(number), came)
    heard = [frame for frame in frames(sides.take_rest(came)[0]) if frame != NOTHING]
    assert heard == list(range(len(delays)))


def test_after_a_lasting_hole_the_next_pause_brings_both_sides_together_again() -> None:
    sides = TwoSides(RATE)
    sides.caller_said(loud(0), 0.02)
    # Ten frames are lost while the caller speaks; it goes on, too early by 200 ms, until there is a pause.
    for number in range(11, 20):
        sides.caller_said(loud(number), (number + 1) * FRAME_SECONDS)
    for number in range(20, 30):
        sides.caller_said(QUIET, (number + 1) * FRAME_SECONDS)
    sides.caller_said(loud(30), 31 * FRAME_SECONDS)
    caller, _ = sides.take(31 * FRAME_SECONDS)
    assert frames(caller)[30] == 30


def test_after_a_stall_the_next_pause_brings_both_sides_together_again() -> None:
    sides = TwoSides(RATE)
    sides.caller_said(loud(0), 0.02)
    # Nothing for a second, then all of it at once, and then a pause as long again.
    for number in range(1, 51):
        sides.caller_said(loud(number), 1.02)
    for number in range(51, 151):
        sides.caller_said(QUIET, (number + 1) * FRAME_SECONDS)
    sides.caller_said(loud(151), 152 * FRAME_SECONDS)
    heard = frames(sides.take_rest(152 * FRAME_SECONDS)[0])
    assert [frame for frame in heard if frame != NOTHING] == [*range(51), 151]
    assert abs(heard.index(151) - 151) <= 3


def test_nobody_can_make_us_keep_more_than_they_have_time_to_say() -> None:
    sides = TwoSides(RATE)
    for number in range(5_000):
        sides.caller_said(loud(number % 1_000), 0.02)
        sides.we_sent(loud(number % 1_000), 0.02)
    caller, ours = sides.take_rest(0.02)
    assert len(caller) == len(ours) <= 6 * RATE * 2


@pytest.mark.parametrize("rate", [8_000, 16_000])
def test_half_a_sample_does_not_shift_the_rest(rate: int) -> None:
    sides = TwoSides(rate)
    sides.caller_said(b"\1\2\3", 0.1)
    sides.we_sent(b"\1\2\3", 0.1)
    sides.caller_said(loud(5), 0.12)
    caller, ours = sides.take(0.2)
    assert len(caller) == len(ours) == int(0.2 * rate) * 2
    assert 1_005 in samples(caller)
