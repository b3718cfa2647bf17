"""What is only found out while the caller is greeted: nobody waits for it, and whoever is asked later knows it."""

import asyncio

from tests.support.fake_link import quiet, voice
from tests.support.held_call import GREETING, held_call
from tests.support.virtual_time import virtually

from callgenie.kernel.vocabulary import TurnRole
from callgenie.voice.script import Recollection

ANNA = Recollection(caller_name="Anna", memory="She ordered a cake.")
ANSWERS = {"know": "I know this: {memory}"}
QUESTIONS = ("what do you know", "and what do you know now")


@virtually
async def test_what_is_known_of_the_caller_is_there_for_the_first_answer() -> None:
    async def recall() -> Recollection:
        await asyncio.sleep(0.5)
        return ANNA

    async with held_call(QUESTIONS[:1], ANSWERS, recall=recall) as call:
        call.link.says(quiet(3_000), voice(800), quiet(6_000))
        await asyncio.sleep(9)
    assert call.said[-1] == ("assistant", "I know this: She ordered a cake.")


@virtually
async def test_neither_greeting_nor_answer_waits_for_a_slow_memory_and_later_answers_have_it() -> None:
    async def recall() -> Recollection:
        await asyncio.sleep(9)
        return ANNA

    async with held_call(QUESTIONS, ANSWERS, recall=recall) as call:
        call.link.says(quiet(3_000), voice(800), quiet(8_000), voice(800), quiet(6_000))
        await asyncio.sleep(18)
    greeting, first, second = call.turns(TurnRole.ASSISTANT)
    assert (greeting.text, greeting.started_ms) == (GREETING, 0)
    assert first.text == "I know this:"
    assert first.started_ms < 5_500
    assert second.text == "I know this: She ordered a cake."


@virtually
async def test_a_memory_that_never_comes_ends_with_the_call() -> None:
    async def recall() -> Recollection:
        await asyncio.Event().wait()
        return ANNA

    async with held_call((), ANSWERS, recall=recall) as call:
        await asyncio.sleep(4)
        call.link.hangs_up()
        end = await call.ended()
    assert end.reason == "caller-hangup"
