"""Tools in a call: asked for, done, told to the model and kept, whatever the tool, the model or the caller does."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import pytest
from tests.support.fake_link import quiet, voice
from tests.support.held_call import GREETING, held_call
from tests.support.virtual_time import virtually

from callgenie.kernel.vocabulary import EndedReason, Fault, Outcome, TurnRole
from callgenie.voice.ports import AnswerOutcome, Knowledge, Message, ModelDelta, TextDelta, ToolCall, ToolSpec
from callgenie.voice.tools import NO_ARGUMENTS, Departure, ToolResult
from callgenie.voice.turn import SessionEnd

TIME_CALL = ToolCall("tell_time", {"zone": "UTC"})
TIME_ASKED = {"time": TIME_CALL}


class Clerk:
    """A tool that takes a while, and notes how often it began and how often it was done."""

    def __init__(
        self,
        answer: str | ToolResult | Exception = "It is noon.",
        *,
        name: str = "tell_time",
        seconds: float = 0.0,
        has_effect: bool = False,
    ) -> None:
        self.spec = ToolSpec(name, "Tells the time.", NO_ARGUMENTS)
        self.has_effect = has_effect
        self.asked: list[Mapping[str, Any]] = []
        self.done = 0
        self.fails = False
        self._answer = answer
        self._seconds = seconds

    async def run(self, arguments: Mapping[str, Any], conversation: Sequence[Message]) -> ToolResult:
        del conversation
        self.asked.append(arguments)
        await asyncio.sleep(self._seconds)
        if self.fails:
            return ToolResult.error("Not now.")
        if isinstance(self._answer, Exception):
            raise self._answer
        self.done += 1
        return self._answer if isinstance(self._answer, ToolResult) else ToolResult(self._answer)


class Thinker:
    """A model that gives one prepared answer after the other, the last one again and again, and notes what it saw."""

    def __init__(self, *answers: Sequence[ModelDelta], seconds: float = 0.0) -> None:
        self._seconds = seconds
        self.saw: list[list[Message]] = []
        self.offered: list[tuple[str, ...]] = []
        self._answers = answers

    async def prepare(self, knowledge: Knowledge) -> None:
        pass

    async def stream(self, messages: Sequence[Message], knowledge: Knowledge) -> AsyncIterator[ModelDelta]:
        self.saw.append(list(messages))
        self.offered.append(tuple(spec.name for spec in knowledge.tools))
        if len(self.saw) > 1:
            await asyncio.sleep(self._seconds)
        for delta in self._answers[min(len(self.saw), len(self._answers)) - 1]:
            yield delta


def said(text: str) -> TextDelta:
    return TextDelta(text)


@virtually
async def test_what_a_tool_found_out_goes_back_to_the_model_which_then_answers() -> None:
    clerk = Clerk()
    model = Thinker([said("One moment. "), ToolCall("tell_time", {"zone": "UTC"}, "x1")], [said("Noon it is.")])
    async with held_call(["What time is it?"], model=model, tools=[clerk]) as call:
        call.link.says(quiet(3_000), voice(1_000))
        await asyncio.sleep(9)
        assert clerk.asked == [{"zone": "UTC"}]
        assert model.offered[0] == ("end_call", "tell_time")
        assert model.saw[1][-2:] == [
            Message(TurnRole.ASSISTANT, "One moment. ", tool_calls=(ToolCall("tell_time", {"zone": "UTC"}, "x1"),)),
            Message(TurnRole.TOOL, "It is noon.", tool_call_id="x1"),
        ]
        assert call.said[1:] == [
            ("user", "What time is it?"),
            ("tool", 'tell_time {"zone": "UTC"}: It is noon.'),
            ("assistant", "One moment. Noon it is."),
        ]


@virtually
async def test_an_answer_of_several_rounds_has_the_last_outcome_that_the_model_reported() -> None:
    model = Thinker(
        [AnswerOutcome(Outcome.OTHER), TIME_CALL],
        [said("Noon."), AnswerOutcome(Outcome.ANSWERED, 0, 0.9)],
        [said("Pardon?")],
    )
    async with held_call(["What time is it?", "And now?"], model=model, tools=[Clerk()]) as call:
        call.link.says(quiet(3_000), voice(1_000), quiet(5_000), voice(600))
        await asyncio.sleep(13)
        assert [(turn.text, turn.outcome) for turn in call.turns(TurnRole.ASSISTANT)] == [
            (GREETING, None),
            ("Noon.", Outcome.ANSWERED),
            ("Pardon?", None),
        ]


@virtually
async def test_without_a_report_the_tool_that_was_used_says_what_came_of_an_answer() -> None:
    asked = ToolCall("business_hours")
    model = Thinker([asked], [said("We are open.")], [asked], [said("Hm.")], [said("Bye."), ToolCall("end_call")])
    tools = Clerk("We are open.", name="business_hours")
    async with held_call(["Open?", "And then?", "Bye."], model=model, tools=[tools]) as call:
        call.link.says(quiet(3_000), voice(1_000), quiet(5_000))
        await asyncio.sleep(9)
        tools.fails = True
        call.link.says(voice(600), quiet(5_000), voice(600))
        await call.ended()
        assert [turn.outcome for turn in call.turns(TurnRole.ASSISTANT)] == [
            None,
            Outcome.HOURS,
            None,
            Outcome.GOODBYE,
        ]


@virtually
async def test_later_answers_know_what_earlier_ones_have_done() -> None:
    model = Thinker([TIME_CALL], [said("Noon.")], [said("Still noon.")])
    async with held_call(["What time is it?", "And now?"], model=model, tools=[Clerk()]) as call:
        call.link.says(quiet(3_000), voice(1_000), quiet(5_000), voice(600))
        await asyncio.sleep(13)
        assert [message.role.value for message in model.saw[2]] == [
            "assistant",
            "user",
            "assistant",
            "tool",
            "assistant",
            "user",
        ]
        asked, answered = model.saw[2][2:4]
        assert asked.tool_calls[0].id == answered.tool_call_id != ""


@virtually
async def test_a_tool_that_fails_gives_the_model_a_sentence_and_the_call_goes_on() -> None:
    clerk = Clerk(RuntimeError("a secret detail"))
    async with held_call(["What time is it?"], TIME_ASKED, tools=[clerk]) as call:
        call.link.says(quiet(3_000), voice(1_000))
        await asyncio.sleep(9)
        assert call.said[-1] == ("assistant", "Error: It cannot be done right now.")
        assert "secret" not in str(call.said)


@virtually
async def test_a_tool_that_hangs_is_not_waited_for_for_ever() -> None:
    async with held_call(["What time is it?"], TIME_ASKED, tools=[Clerk(seconds=1_000)]) as call:
        call.link.says(quiet(3_000), voice(1_000))
        await asyncio.sleep(4.5 + 6 + 0.3)
        assert call.link.played[-1] is not None
        await asyncio.sleep(8)
        assert call.said[-1][1].startswith("Error: It took too long")


@virtually
async def test_a_tool_that_nobody_offered_is_told_to_be_missing() -> None:
    async with held_call(["What time is it?"], TIME_ASKED) as call:
        call.link.says(quiet(3_000), voice(1_000))
        await asyncio.sleep(9)
        assert call.said[-1] == ("assistant", "Error: Refused. There is no tool of that name.")


@virtually
async def test_after_four_rounds_a_model_has_to_answer_with_what_it_has() -> None:
    clerk, model = Clerk(), Thinker([TIME_CALL])
    async with held_call(["What time is it?"], model=model, tools=[clerk]) as call:
        call.link.says(quiet(3_000), voice(1_000))
        await asyncio.sleep(9)
        assert len(clerk.asked) == 4
        assert model.offered == [("end_call", "tell_time")] * 4 + [()]
        assert call.said[-1] == ("assistant", "I'm sorry, I didn't get that. Could you say it again?")


@virtually
async def test_a_model_that_asks_for_everything_at_once_gets_four_things() -> None:
    clerk = Clerk()
    model = Thinker([TIME_CALL] * 50, [said("Noon.")])
    async with held_call(["What time is it?"], model=model, tools=[clerk]) as call:
        call.link.says(quiet(3_000), voice(1_000))
        await asyncio.sleep(7)
        assert len(clerk.asked) == 4


@virtually
async def test_a_model_that_hangs_up_without_a_word_does_not_do_so_without_a_goodbye() -> None:
    async with held_call(["That was all."], model=Thinker([ToolCall("end_call")])) as call:
        call.link.says(quiet(3_000), voice(1_000))
        assert await call.ended() == SessionEnd(EndedReason.ASSISTANT_HANGUP, Fault.NONE)
        assert call.said[1:] == [("user", "That was all."), ("assistant", "Thank you for calling. Goodbye.")]


# The caller goes on while a tool runs


@virtually
async def test_a_question_that_the_caller_goes_on_with_is_asked_anew_and_the_first_asking_is_no_turn() -> None:
    clerk = Clerk(seconds=1)
    async with held_call(["What time is it in Rome?"], TIME_ASKED, tools=[clerk]) as call:
        call.link.says(quiet(3_000), voice(1_000), quiet(600), voice(500))
        await asyncio.sleep(9)
        assert (len(clerk.asked), clerk.done) == (2, 1)
        assert [role for role, _ in call.said[1:]] == ["user", "tool", "assistant"]


@virtually
async def test_what_was_found_out_for_an_answer_that_was_dropped_goes_with_it() -> None:
    model = Thinker([TIME_CALL], [said("Noon.")], seconds=1)
    async with held_call(["What time is it in Rome?"], model=model, tools=[Clerk()]) as call:
        call.link.says(quiet(3_000), voice(1_000), quiet(600), voice(500))
        await asyncio.sleep(10)
        assert call.said[1:] == [("user", "What time is it in Rome?"), ("assistant", "Noon.")]
        assert [message.role for message in model.saw[2]] == [TurnRole.ASSISTANT, TurnRole.USER]


@virtually
async def test_an_effect_is_brought_to_its_end_and_not_repeated_when_the_caller_goes_on() -> None:
    clerk = Clerk("It is written down.", name="write", seconds=2, has_effect=True)
    model = Thinker([ToolCall("write", {"what": "call me"})], [said("Yes?")])
    async with held_call(["Please write that down.", "And one more thing"], model=model, tools=[clerk]) as call:
        call.link.says(quiet(3_000), voice(1_000), quiet(700), voice(1_000))
        await asyncio.sleep(10)
        assert (len(clerk.asked), clerk.done) == (1, 1)
        assert call.said[1:] == [
            ("user", "Please write that down."),
            ("tool", 'write {"what": "call me"}: It is written down.'),
            ("user", "And one more thing"),
            ("assistant", "Yes?"),
        ]
        assert model.saw[1][-2].text == "It is written down."


@virtually
async def test_a_cough_while_an_effect_is_on_its_way_does_not_cost_the_answer() -> None:
    clerk = Clerk("It is written down.", name="write", seconds=2, has_effect=True)
    model = Thinker([ToolCall("write")], [said("Done.")])
    async with held_call(["Please write that down.", ""], model=model, tools=[clerk]) as call:
        call.link.says(quiet(3_000), voice(1_000), quiet(700), voice(300))
        await asyncio.sleep(10)
        assert call.said[-1] == ("assistant", "Done.")


@virtually
async def test_the_same_wish_is_fulfilled_once_in_a_call() -> None:
    clerk = Clerk("It is written down.", name="write", has_effect=True)
    model = Thinker(
        [ToolCall("write", {"what": "x"})], [said("Done.")], [ToolCall("write", {"what": "x"})], [said("OK")]
    )
    async with held_call(["Write it down.", "Write it down!"], model=model, tools=[clerk]) as call:
        call.link.says(quiet(3_000), voice(1_000), quiet(4_000), voice(600))
        await asyncio.sleep(12)
        assert len(clerk.asked) == 1
        assert model.saw[3][-1].text == "It is written down."


@virtually
async def test_an_effect_that_failed_can_be_tried_again() -> None:
    clerk = Clerk(ToolResult.error("Not now."), name="write", has_effect=True)
    model = Thinker([ToolCall("write")], [ToolCall("write")], [said("Sorry.")])
    async with held_call(["Write it down."], model=model, tools=[clerk]) as call:
        call.link.says(quiet(3_000), voice(1_000))
        await asyncio.sleep(8)
        assert len(clerk.asked) == 2


@virtually
async def test_a_caller_who_hangs_up_while_an_effect_is_on_its_way_leaves_it_done_and_told() -> None:
    clerk = Clerk("It is written down.", name="write", seconds=2, has_effect=True)
    async with held_call(["Write it down."], {"write": ToolCall("write")}, tools=[clerk]) as call:
        call.link.says(quiet(3_000), voice(1_000))
        await asyncio.sleep(5)
        call.link.hangs_up()
        assert await call.ended() == SessionEnd(EndedReason.CALLER_HANGUP, Fault.NONE)
        assert call.link.closed_at == pytest.approx(5.0, abs=0.1)
        assert clerk.done == 1
        assert call.said[1:] == [("user", "Write it down."), ("tool", "write {}: It is written down.")]


@virtually
async def test_an_effect_that_ends_the_call_does_so_although_the_caller_speaks_over_it() -> None:
    leaving = ToolResult("Connected.", Departure(EndedReason.TRANSFERRED, "I will connect you."))
    clerk = Clerk(leaving, name="connect", seconds=2, has_effect=True)
    async with held_call(["Connect me."], {"connect": ToolCall("connect")}, tools=[clerk]) as call:
        call.link.says(quiet(3_000), voice(1_000), quiet(700), voice(1_000))
        assert await call.ended() == SessionEnd(EndedReason.TRANSFERRED, Fault.NONE)
        assert call.said[-1] == ("assistant", "I will connect you.")


@virtually
async def test_a_tool_s_words_are_kept_up_to_a_length() -> None:
    async with held_call(["What time is it?"], TIME_ASKED, tools=[Clerk("x" * 10_000)]) as call:
        call.link.says(quiet(3_000), voice(1_000))
        await asyncio.sleep(6)
        call.link.hangs_up()
        await call.ended()
        assert call.said[0] == ("assistant", GREETING)
        assert len(call.turns(TurnRole.TOOL)[0].text) == 2_000
