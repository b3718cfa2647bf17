"""The state machine by itself: audio in pieces of 32 ms, texts, and time go in; decisions come out."""

import pytest

from callgenie.voice.timings import Timings
from callgenie.voice.turns import Decision, Phase, TurnTaking

PIECE_MS = 32.0


class Drive:
    """Feeds the machine and collects what it decides, with the time in milliseconds since the start."""

    def __init__(self, timings: Timings | None = None) -> None:
        self.timings = timings or Timings()
        self.turns = TurnTaking(self.timings, 0.0)
        self.now = 0.0
        self.decided: list[tuple[Decision, float]] = []

    def take(self, decisions: tuple[Decision, ...]) -> None:
        self.decided += [(decision, round(self.now * 1000)) for decision in decisions]

    def audio(self, ms: float, probability: float) -> None:
        for _ in range(round(ms / PIECE_MS)):
            self.now += PIECE_MS / 1000
            self.take(self.turns.voice(self.now, probability, PIECE_MS))

    def voice(self, ms: float) -> None:
        self.audio(ms, 0.9)

    def quiet(self, ms: float) -> None:
        self.audio(ms, 0.02)

    def text(self, text: str) -> None:
        self.take(self.turns.transcribed(self.now, text, self.turns.epoch))

    def wait(self, ms: float) -> None:
        """Let time pass without audio."""
        for _ in range(round(ms / 100)):
            self.now += 0.1
            self.take(self.turns.tick(self.now))

    def speak(self) -> None:
        self.take(self.turns.speaking(self.now))

    def spoke(self) -> None:
        self.take(self.turns.spoke(self.now))

    @property
    def names(self) -> list[Decision]:
        return [decision for decision, _ in self.decided]

    def when(self, decision: Decision) -> float:
        return next(at for name, at in self.decided if name is decision)


@pytest.fixture
def drive() -> Drive:
    return Drive()


def ask_a_question(drive: Drive) -> None:
    drive.voice(1_000)
    drive.quiet(220)
    drive.text("What time do you open?")
    drive.quiet(400)
    drive.speak()
    drive.decided.clear()


@pytest.mark.parametrize(
    ("text", "quiet_ms"),
    [
        ("What time do you open?", 400),
        ("Yes.", 400),
        ("I would like to book a cleaning.", 500),
        ("I would like to book a cleaning and", 1_000),
        ("My number is 415 555", 1_000),
    ],
)
def test_the_turn_ends_after_the_quiet_that_its_words_ask_for(drive: Drive, text: str, quiet_ms: int) -> None:
    drive.voice(960)
    drive.quiet(224)
    drive.text(text)
    drive.quiet(1_500)
    assert drive.names == [Decision.OPEN, Decision.TRANSCRIBE, Decision.END_TURN]
    assert 0 <= drive.when(Decision.END_TURN) - 960 - quiet_ms < PIECE_MS
    assert drive.turns.text == text
    assert drive.turns.stopped_at == pytest.approx(0.96)


def test_the_words_are_asked_for_before_they_are_needed(drive: Drive) -> None:
    drive.voice(960)
    drive.quiet(300)
    assert drive.when(Decision.TRANSCRIBE) - 960 == pytest.approx(200, abs=PIECE_MS)


def test_a_late_transcript_ends_the_turn_as_soon_as_it_comes(drive: Drive) -> None:
    drive.voice(960)
    drive.quiet(800)
    assert Decision.END_TURN not in drive.names
    drive.text("What time do you open?")
    assert drive.names[-1] is Decision.END_TURN


def test_words_that_go_on_after_a_pause_are_transcribed_again(drive: Drive) -> None:
    drive.voice(960)
    drive.quiet(250)
    drive.text("I would like")
    drive.voice(500)
    drive.quiet(500)
    assert drive.names.count(Decision.TRANSCRIBE) == 2
    assert Decision.END_TURN not in drive.names


def test_a_transcript_of_words_that_went_on_meanwhile_ends_nothing(drive: Drive) -> None:
    drive.voice(960)
    drive.quiet(250)
    asked_in = drive.turns.epoch
    drive.voice(320)
    drive.quiet(700)
    drive.take(drive.turns.transcribed(drive.now, "What time?", asked_in))
    assert Decision.END_TURN not in drive.names


def test_a_click_is_no_utterance(drive: Drive) -> None:
    drive.voice(64)
    drive.quiet(400)
    assert drive.names == [Decision.OPEN, Decision.DISCARD]


def test_sound_without_words_is_forgotten(drive: Drive) -> None:
    drive.voice(600)
    drive.quiet(250)
    drive.text("")
    assert drive.names == [Decision.OPEN, Decision.TRANSCRIBE, Decision.DISCARD]
    assert drive.turns.phase is Phase.LISTENING


def test_a_caller_who_goes_on_before_we_are_heard_takes_the_turn_back(drive: Drive) -> None:
    drive.voice(960)
    drive.quiet(224)
    drive.text("I would like to book.")
    drive.quiet(400)
    drive.voice(320)
    assert drive.names[-2:] == [Decision.END_TURN, Decision.RESUME]
    assert drive.turns.phase is Phase.LISTENING
    drive.quiet(224)
    drive.text("I would like to book. A cleaning.")
    drive.quiet(500)
    assert drive.names[-2:] == [Decision.TRANSCRIBE, Decision.END_TURN]


def test_a_click_does_not_take_the_turn_back(drive: Drive) -> None:
    drive.voice(960)
    drive.quiet(224)
    drive.text("I would like to book.")
    drive.quiet(400)
    drive.voice(64)
    drive.quiet(200)
    assert Decision.RESUME not in drive.names
    drive.speak()
    assert drive.turns.phase is Phase.SPEAKING


# Over our own speech


def test_speech_over_ours_is_asked_about_early_and_interrupts_when_it_has_words(drive: Drive) -> None:
    ask_a_question(drive)
    drive.voice(256)
    assert drive.names == [Decision.OPEN, Decision.TRANSCRIBE]
    drive.text("no wait")
    assert drive.names[-1] is Decision.INTERRUPT
    assert drive.turns.phase is Phase.INTERRUPTED


def test_long_speech_over_ours_interrupts_whatever_it_says(drive: Drive) -> None:
    ask_a_question(drive)
    began = drive.now * 1000
    drive.voice(1_000)
    assert drive.when(Decision.INTERRUPT) - began == pytest.approx(700, abs=PIECE_MS)
    assert drive.names.count(Decision.INTERRUPT) == 1


@pytest.mark.parametrize("text", ["Uh-huh.", "Okay.", "", "Yeah, right."])
def test_a_listeners_noises_do_not_interrupt(drive: Drive, text: str) -> None:
    ask_a_question(drive)
    drive.voice(400)
    drive.text(text)
    drive.quiet(224)
    drive.text(text)
    assert Decision.INTERRUPT not in drive.names
    assert drive.names[-1] is Decision.DISCARD
    assert drive.turns.phase is Phase.SPEAKING


def test_a_cough_does_not_interrupt(drive: Drive) -> None:
    ask_a_question(drive)
    drive.voice(192)
    drive.quiet(224)
    drive.text("")
    assert drive.names == [Decision.OPEN, Decision.TRANSCRIBE, Decision.DISCARD]


def test_a_short_word_that_means_stop_interrupts_once_it_is_out(drive: Drive) -> None:
    ask_a_question(drive)
    drive.voice(224)
    drive.quiet(224)
    drive.text("Stop.")
    drive.quiet(600)
    assert drive.names[-2:] == [Decision.INTERRUPT, Decision.END_TURN]


def test_one_word_of_an_unfinished_utterance_is_not_trusted_yet(drive: Drive) -> None:
    ask_a_question(drive)
    drive.voice(288)
    drive.text("the")
    assert Decision.INTERRUPT not in drive.names


def test_what_interrupts_becomes_the_next_turn(drive: Drive) -> None:
    ask_a_question(drive)
    drive.voice(1_000)
    drive.quiet(224)
    drive.text("No, on Saturday?")
    drive.quiet(400)
    assert drive.names[-2:] == [Decision.TRANSCRIBE, Decision.END_TURN]


def test_nothing_interrupts_a_goodbye(drive: Drive) -> None:
    ask_a_question(drive)
    drive.turns.closing()
    drive.voice(2_000)
    drive.quiet(2_000)
    assert drive.names == [Decision.OPEN]
    assert drive.turns.hears_speech


# Silence and stalls


def test_silence_is_asked_about_once_and_then_given_up(drive: Drive) -> None:
    drive.wait(30_000)
    assert drive.names == [Decision.ASK, Decision.GIVE_UP]
    assert drive.when(Decision.ASK) == pytest.approx(8_000, abs=201)
    assert drive.when(Decision.GIVE_UP) == pytest.approx(16_000, abs=401)
    assert drive.turns.phase is Phase.CLOSING


def test_silence_is_counted_from_the_end_of_our_speech(drive: Drive) -> None:
    ask_a_question(drive)
    drive.wait(20_000)
    assert drive.names == []
    drive.spoke()
    began = drive.now * 1000
    drive.wait(8_100)
    assert drive.names == [Decision.ASK]
    assert drive.when(Decision.ASK) == pytest.approx(began + 8_000, abs=101)


def test_an_answer_to_the_question_starts_the_count_anew(drive: Drive) -> None:
    drive.wait(8_000)
    drive.voice(500)
    drive.quiet(224)
    drive.text("I am here.")
    drive.quiet(600)
    drive.speak()
    drive.spoke()
    drive.decided.clear()
    drive.wait(8_100)
    assert drive.names == [Decision.ASK]


def test_a_key_is_a_sign_of_life(drive: Drive) -> None:
    drive.wait(7_000)
    drive.turns.key_pressed(drive.now)
    drive.wait(7_000)
    assert drive.names == []


def test_a_network_that_stalls_in_mid_word_does_not_end_the_turn(drive: Drive) -> None:
    drive.voice(640)
    drive.wait(500)
    assert drive.names == [Decision.OPEN]
    drive.voice(320)
    drive.quiet(160)
    assert drive.names == [Decision.OPEN]


def test_audio_that_stays_away_counts_as_quiet_in_the_end(drive: Drive) -> None:
    drive.voice(640)
    drive.wait(700)
    drive.text("What time do you open?")
    drive.wait(800)
    assert drive.names == [Decision.OPEN, Decision.TRANSCRIBE, Decision.END_TURN]
