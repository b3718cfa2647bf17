"""A call summed up without any model: what is on record, and nothing else."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.reported_turns import SAID_AT, turns_of

from callgenie.conversations.analysis_rules import findings_by_rules
from callgenie.conversations.models import Conversation, RecordedTurn, TakenMessage, Transfer
from callgenie.conversations.transcripts import TRANSCRIPT_CHARS_MAX, transcript_of
from callgenie.kernel.ids import SessionId, UserId
from callgenie.kernel.vocabulary import CallStatus, Carrier, Direction, Fault, TransferStatus, TurnRole
from callgenie.voice.analyst import NAME_CHARS_MAX, SUMMARY_CHARS_MAX, WISH_CHARS_MAX

NOW = SAID_AT
CALL = Conversation(
    id="1",
    user_id=UserId("u"),
    session_id=SessionId("s"),
    carrier=Carrier.TWILIO,
    direction=Direction.INBOUND,
    status=CallStatus.COMPLETED,
    started_at=NOW,
    period_start=NOW,
    duration=72,
)


def talk(*lines: str) -> tuple[RecordedTurn, ...]:
    """Make turns; what begins with a dash is ours."""
    return tuple(
        RecordedTurn(number, TurnRole.ASSISTANT if line.startswith("-") else TurnRole.USER, line.lstrip("- "), NOW)
        for number, line in enumerate(lines, 1)
    )


def test_what_was_asked_is_told_with_whether_it_was_answered() -> None:
    turns = talk(
        "- Hello, how can I help you?",
        "Good morning, when are you open?",
        "- From nine to five.",
        "do you sell shoes",
        "- I'm sorry, I don't know that. Would you like to leave a message?",
        "Is anybody",
        "there?",
    )
    found = findings_by_rules(replace(CALL, turns=turns))
    assert found.summary == (
        "A caller called and stayed for 1 min 12 s. "
        'Asked "Good morning, when are you open?" (answered), "do you sell shoes" (not answered), '
        '"Is anybody" (not answered), "there?" (not answered).'
    )
    assert (found.caller_name, found.wish) == (None, "Good morning, when are you open?")


def told(*lines: str, **fields: Any) -> str:
    """Return the summary of a call of these turns, as `turns_of` reads them, without who called for how long."""
    return findings_by_rules(replace(CALL, turns=turns_of(*lines), **fields)).summary.partition(" s. ")[2]


def message(text: str = "Please call me.") -> TakenMessage:
    return TakenMessage("1", text, "", "", NOW)


PASSED_ON = ("do you do braces", "[passed_on] I don't know that. Would you like to leave a message?")
BOOKING = ("I'd like to book a table", "[message] May I have your name?", "Anna", "[message] Is that right?")


@pytest.mark.parametrize(
    ("lines", "fields", "summary"),
    [
        (["where can I park", "[answered] I don't know a better place."], {}, 'Asked "where can I park" (answered).'),
        (["open on Monday?", "[hours] From nine."], {}, 'Asked "open on Monday?" (opening hours told).'),
        (PASSED_ON, {}, 'Asked "do you do braces" (not answered, not passed on).'),
        (
            [*PASSED_ON, "yes please", "[message] Your name?"],
            {"messages": (message(),)},
            'Asked "do you do braces" (not answered, passed on). Left a message: "Please call me.".',
        ),
        (["is it free", "[asked_back] Parking?"], {}, 'Asked "is it free" (asked back, not answered).'),
        (BOOKING, {}, 'Requested "I\'d like to book a table" (no message left).'),
        (
            BOOKING,
            {"messages": (message(),)},
            'Requested "I\'d like to book a table" (message left). Left a message: "Please call me.".',
        ),
        (["a person please", "[person] Nobody is here."], {}, "Asked for a person (not put through)."),
        (
            ["a person please", "[person] One moment."],
            {"transfer": Transfer("+14155550100", TransferStatus.COMPLETED, NOW)},
            "Asked for a person (put through).",
        ),
        (
            ["a person please", "[person] One moment."],
            {"transfer": Transfer("+14155550100", TransferStatus.NO_ANSWER, NOW)},
            "Asked for a person (put through, nobody answered).",
        ),
        (["good morning", "[courtesy] Good morning."], {}, 'Said "good morning".'),
    ],
)
def test_the_summary_tells_what_the_outcomes_report(lines: list[str], fields: dict[str, Any], summary: str) -> None:
    assert told(*lines, **fields) == summary


def test_a_message_that_was_left_before_the_question_does_not_pass_it_on() -> None:
    early = TakenMessage("1", "Keep a loaf.", "", "", NOW - timedelta(minutes=1))
    assert "(not answered, not passed on)" in told(*PASSED_ON, messages=(early,))


def test_the_wish_is_what_was_asked_or_requested_first() -> None:
    asked = findings_by_rules(replace(CALL, turns=turns_of(*BOOKING, *PASSED_ON)))
    assert asked.wish == "I'd like to book a table"


def test_a_message_tells_who_called_and_what_they_want() -> None:
    messages = (
        TakenMessage("1", "Please keep a loaf for me.", "", "+14155550999", NOW),
        TakenMessage("2", "Two loaves, after all.", "Anna Bell", "", NOW),
    )
    found = findings_by_rules(replace(CALL, turns=talk("I have a message."), messages=messages, after_hours=True))
    assert found.summary == (
        "Anna Bell called outside the opening hours and stayed for 1 min 12 s. "
        'Said "I have a message.". Left a message: "Please keep a loaf for me.". '
        'Left a message: "Two loaves, after all.".'
    )
    assert (found.caller_name, found.wish) == ("Anna Bell", "Two loaves, after all.")


@pytest.mark.parametrize(("name", "whom"), [("", "+14155550142"), ("Anna Smith", "Anna Smith on +14155550142")])
def test_of_a_call_of_ours_it_is_told_whom_we_called_and_why(name: str, whom: str) -> None:
    ours = replace(CALL, direction=Direction.OUTBOUND, phone_number="+14155550142", purpose="your birthday cake")
    messages = (TakenMessage("1", "Please wait.", name, "", NOW),)
    summary = findings_by_rules(replace(ours, messages=messages)).summary
    assert summary.startswith(f'We called {whom} about "your birthday cake" and talked for 1 min 12 s.')
    assert "caller" not in summary.lower()
    assert transcript_of(replace(ours, turns=talk("- Hello.", "Hi."))) == (
        "Note: the assistant called the person that is named the caller here, about: your birthday cake\n"
        "Assistant: Hello.\nCaller: Hi."
    )


def test_a_message_that_was_not_confirmed_is_told_as_such() -> None:
    left = TakenMessage("1", "Please keep a loaf for me.", "", "", NOW, is_confirmed=False)
    summary = findings_by_rules(replace(CALL, messages=(left,))).summary
    assert summary.endswith('Left a message, without confirming it: "Please keep a loaf for me.".')


def test_a_caller_who_says_nothing_is_not_given_words() -> None:
    found = findings_by_rules(replace(CALL, duration=8, turns=talk("- Hello?"), fault=Fault.PROVIDER))
    assert found.summary == ("A caller called and stayed for 8 s. The call was cut short by a fault. Said nothing.")
    assert found.wish is None


def test_of_many_questions_some_are_named_and_the_others_counted() -> None:
    found = findings_by_rules(replace(CALL, turns=talk(*[f"question {number}?" for number in range(9)])))
    assert found.summary.endswith('"question 4?" (not answered) and 4 more.')


@given(st.lists(st.text(max_size=3_000), max_size=30), st.text(max_size=100))
def test_whatever_was_said_the_summary_is_short_and_on_one_line(texts: list[str], name: str) -> None:
    messages = tuple(TakenMessage(str(number), text, name, "", NOW) for number, text in enumerate(texts[:10]))
    found = findings_by_rules(replace(CALL, turns=talk(*texts), messages=messages))
    for text, longest in (
        (found.summary, SUMMARY_CHARS_MAX),
        (found.wish or "", WISH_CHARS_MAX),
        (found.caller_name or "", NAME_CHARS_MAX),
    ):
        assert len(text) <= longest
        assert text == " ".join(text.split())


@pytest.mark.parametrize("words", [10, 100_000])
def test_a_transcript_keeps_the_beginning_and_the_end(words: int) -> None:
    text = transcript_of(replace(CALL, turns=talk("- Hello.", "I begin. " + "word " * words, "Goodbye.")))
    assert text.startswith("Assistant: Hello.\nCaller: I begin.")
    assert text.endswith("\nCaller: Goodbye.")
    assert len(text) <= TRANSCRIPT_CHARS_MAX
    assert ("[...]" in text) is (words > TRANSCRIPT_CHARS_MAX)
