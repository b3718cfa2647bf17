"""The ledger by itself, with a carrier that plays from the moment a frame is sent and `DELAY` later."""

import itertools

import pytest

from callgenie.voice.playback import Passage, Playback, Speech

RATE = 8_000
FRAME = 320
DELAY = 0.05


def audio(ms: int) -> bytes:
    return b"\x01\x02" * (RATE * ms // 1000)


class Carrier:
    """Sends what is due, and keeps the moments."""

    def __init__(self, *, lead_ms: int = 200) -> None:
        self.playback = Playback(RATE, lead_ms=lead_ms, mark_grace_ms=1_500)
        self.now = 50.0
        self.sent: list[tuple[float, bytes]] = []
        self.marks: list[tuple[float, str]] = []

    @property
    def frames(self) -> int:
        """How many frames of 20 ms were sent."""
        return sum(len(piece) for _, piece in self.sent) // FRAME

    def say(self, speech: Speech, text: str, ms: int, *, whole: bool = True) -> Passage:
        passage = self.playback.begin(speech, text)
        self.playback.append(passage, audio(ms))
        if whole:
            self.playback.complete(passage)
        return passage

    def run(self, ms: float, *, step: float = 0.01, echo: bool = True) -> None:
        end = self.now + ms / 1000
        while True:
            while (due := self.playback.due(self.now)) is not None and due <= self.now + 1e-9:
                passage, piece = self.playback.take(self.now)
                if piece:
                    self.sent.append((self.now, piece))
                else:
                    self.marks.append(((passage.ends_at or 0.0) + DELAY, passage.mark))
            for at, name in [mark for mark in self.marks if mark[0] <= self.now and echo]:
                self.marks.remove((at, name))
                self.playback.reached(name, self.now)
            if self.now >= end - 1e-9:
                return
            self.now += step


@pytest.fixture
def carrier() -> Carrier:
    return Carrier()


def test_speech_goes_out_200_ms_ahead_and_then_in_step(carrier: Carrier) -> None:
    carrier.say(Speech(), "hello", 1_000)
    carrier.run(0)
    assert carrier.frames == 12  # 200 ms, and the piece that was due when there were not yet so many
    carrier.run(500)
    assert carrier.frames == 12 + 24


def test_what_is_there_goes_out_120_ms_at_a_time(carrier: Carrier) -> None:
    carrier.say(Speech(), "hello", 2_000)
    carrier.run(1_500)
    assert {len(piece) for _, piece in carrier.sent} == {6 * FRAME}
    moments = [at for at, _ in carrier.sent][2:]
    assert [later - earlier for earlier, later in itertools.pairwise(moments)] == pytest.approx(
        [0.12] * (len(moments) - 1), abs=0.011
    )


def test_what_comes_slowly_is_not_kept_back_until_there_is_more(carrier: Carrier) -> None:
    passage = carrier.say(Speech(), "hello", 20, whole=False)
    carrier.run(0)
    assert carrier.frames == 1
    carrier.playback.append(passage, audio(40))
    carrier.run(0)
    assert carrier.frames == 3


def test_a_long_call_does_not_drift(carrier: Carrier) -> None:
    speech = Speech()
    for _ in range(60):
        carrier.say(speech, "a second", 1_000)
    start = carrier.now
    carrier.run(59_000, step=0.0137)  # a loop that never wakes exactly on time
    assert carrier.sent[-1][0] - start == pytest.approx(carrier.frames * 0.02 - 0.32, abs=0.04)
    assert carrier.playback.late_frames == 0


def test_a_frame_that_was_there_and_went_out_after_its_moment_is_counted(carrier: Carrier) -> None:
    carrier.say(Speech(), "hello", 2_000)
    carrier.run(200)
    carrier.now += 0.35  # the loop hangs for longer than the lead
    carrier.run(100)
    assert carrier.playback.late_frames == 1


def test_waiting_for_slow_speech_is_not_lateness(carrier: Carrier) -> None:
    passage = carrier.say(Speech(), "hello there", 300, whole=False)
    carrier.run(1_500)
    carrier.playback.append(passage, audio(300))
    carrier.playback.complete(passage)
    carrier.run(500)
    assert carrier.playback.late_frames == 0
    assert carrier.frames == 30


def test_the_last_frame_is_filled_up_and_the_mark_comes_after_it(carrier: Carrier) -> None:
    carrier.say(Speech(), "hi", 50)
    carrier.run(100, echo=False)
    assert [len(piece) for _, piece in carrier.sent] == [3 * FRAME]
    assert carrier.sent[-1][1][50 * 16 :] == bytes(10 * 16)
    assert [name for _, name in carrier.marks] == ["p1"]


def test_an_unfinished_passage_sends_whole_frames_only(carrier: Carrier) -> None:
    carrier.say(Speech(), "hello", 50, whole=False)
    carrier.run(100)
    assert carrier.frames == 2
    assert carrier.marks == []


def test_a_speech_was_heard_when_its_marks_are_back(carrier: Carrier) -> None:
    speech = Speech()
    carrier.say(speech, "One.", 400)
    carrier.say(speech, "Two.", 400)
    carrier.run(820)
    assert not carrier.playback.was_heard(speech, carrier.now)
    carrier.run(60)
    assert carrier.playback.was_heard(speech, carrier.now)
    assert carrier.playback.heard_text(speech, carrier.now) == "One. Two."


def test_a_speech_counts_as_heard_without_marks_once_it_must_have_been(carrier: Carrier) -> None:
    speech = Speech()
    carrier.say(speech, "Hello.", 400)
    carrier.run(1_800, echo=False)
    assert not carrier.playback.was_heard(speech, carrier.now)
    assert carrier.playback.heard_by(speech) == pytest.approx(50 + 0.4 + 1.5)
    carrier.run(200, echo=False)
    assert carrier.playback.was_heard(speech, carrier.now)


def test_there_is_no_limit_while_something_is_unsent(carrier: Carrier) -> None:
    speech = Speech()
    carrier.say(speech, "Hello.", 2_000)
    carrier.run(500)
    assert carrier.playback.heard_by(speech) is None


def test_the_words_heard_of_a_sentence_go_by_its_time(carrier: Carrier) -> None:
    speech = Speech()
    carrier.say(speech, "First one.", 500)
    carrier.say(speech, "aaaa bbbb cccc dddd eeee", 2_400)  # 100 ms a character
    carrier.run(500 + 1_000)
    # 1,000 ms in, less the 50 ms that the mark of the first sentence has measured: two words and a half.
    assert carrier.playback.heard_text(speech, carrier.now) == "First one. aaaa bbbb"


def test_words_that_were_sent_and_not_played_yet_were_not_heard(carrier: Carrier) -> None:
    speech = Speech()
    carrier.say(speech, "aa bb", 300)
    carrier.run(120)
    assert carrier.frames == 15
    assert carrier.playback.heard_text(speech, carrier.now) == ""


def test_before_a_mark_has_measured_the_way_a_word_too_few_is_heard_rather_than_one_too_many(carrier: Carrier) -> None:
    speech = Speech()
    carrier.say(speech, "aaaa bbbb", 900)
    carrier.run(450)
    assert carrier.playback.heard_text(speech, carrier.now) == ""
    carrier.run(200)
    assert carrier.playback.heard_text(speech, carrier.now) == "aaaa"


def test_marks_that_come_back_because_we_cleared_mean_nothing_was_heard(carrier: Carrier) -> None:
    speech = Speech()
    first = carrier.say(speech, "One.", 100)
    second = carrier.say(speech, "Two two two.", 100)
    carrier.run(60, echo=False)
    heard = carrier.playback.heard_text(speech, carrier.now)
    carrier.playback.clear(carrier.now)
    for name in (first.mark, second.mark):
        carrier.playback.reached(name, carrier.now)
    assert not first.reached
    assert not second.reached
    assert heard == ""


def test_after_clear_nothing_of_the_old_speech_is_sent_and_the_next_starts_at_once(carrier: Carrier) -> None:
    carrier.say(Speech(), "Long.", 5_000)
    carrier.run(300)
    carrier.playback.clear(carrier.now)
    carrier.run(500)
    before = carrier.frames
    carrier.say(Speech(), "New.", 400)
    carrier.run(0)
    assert carrier.frames == before + 12
    assert carrier.playback.late_frames == 0
    assert carrier.playback.unsent_ms == pytest.approx(160)


def test_what_was_dropped_keeps_no_audio_also_when_more_of_it_is_made(carrier: Carrier) -> None:
    passage = carrier.say(Speech(), "Long.", 1_000, whole=False)
    carrier.run(300)
    carrier.playback.clear(carrier.now)
    carrier.playback.append(passage, audio(1_000))
    assert not passage.pcm


def test_dropping_what_has_not_begun_leaves_the_sentence_that_sounds(carrier: Carrier) -> None:
    speech = Speech()
    carrier.say(speech, "One.", 1_000)
    carrier.say(speech, "Two.", 1_000)
    carrier.run(300)
    carrier.playback.drop_unbegun()
    carrier.run(2_000)
    assert carrier.frames == 50
    assert carrier.playback.was_heard(speech, carrier.now)
    assert carrier.playback.heard_text(speech, carrier.now) == "One."


def test_an_unknown_mark_is_ignored(carrier: Carrier) -> None:
    carrier.playback.reached("nobody", carrier.now)
    carrier.run(100)
    assert carrier.sent == []
