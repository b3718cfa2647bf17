"""Keys that a caller presses: none is lost, whatever happens before they are answered."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from tests.support.fake_link import quiet, voice
from tests.support.held_call import ANSWERS, GREETING, HOURS, held_call
from tests.support.virtual_time import virtually

from callgenie.kernel.vocabulary import EndedReason, Fault
from callgenie.voice.ports import Knowledge, Message, ModelDelta
from callgenie.voice.providers.scripted import ScriptedModel

PRESSED = ("user", "(pressed 4 2)")


class SlowModel(ScriptedModel):
    """Thinks for two seconds, and writes down what it was asked."""

    def __init__(self) -> None:
        super().__init__(ANSWERS)
        self.asked: list[list[str]] = []

    async def stream(self, messages: Sequence[Message], knowledge: Knowledge) -> AsyncIterator[ModelDelta]:
        self.asked.append([message.text for message in messages])
        await asyncio.sleep(2)
        async for delta in super().stream(messages, knowledge):
            yield delta


@virtually
async def test_keys_are_kept_when_the_caller_speaks_before_they_are_answered() -> None:
    model = SlowModel()
    async with held_call(["When are you open?"], model=model) as call:
        await asyncio.sleep(4)
        call.link.presses("4")
        call.link.presses("2")
        await asyncio.sleep(2.2)
        call.link.says(voice(600))
        await asyncio.sleep(13)
        assert call.said == [("assistant", GREETING), PRESSED, ("user", "When are you open?"), ("assistant", HOURS)]
        assert model.asked[-1] == [GREETING, PRESSED[1], "When are you open?"]


@virtually
async def test_keys_are_kept_when_the_caller_hangs_up_after_them() -> None:
    async with held_call() as call:
        await asyncio.sleep(4)
        call.link.presses("4")
        call.link.presses("2")
        await asyncio.sleep(1)
        call.link.hangs_up()
        assert (await call.ended()).reason is EndedReason.CALLER_HANGUP
        assert call.said == [("assistant", GREETING), PRESSED]


@virtually
async def test_keys_and_last_words_are_both_kept_when_the_caller_hangs_up() -> None:
    async with held_call(["I will call again"]) as call:
        call.link.says(quiet(4_600), voice(600))
        await asyncio.sleep(4.5)
        call.link.presses("4")
        call.link.presses("2")
        await asyncio.sleep(0.75)
        call.link.hangs_up()
        await call.ended()
        assert call.said == [("assistant", GREETING), PRESSED, ("user", "I will call again")]


@virtually
async def test_keys_come_before_a_goodbye_that_leaves_them_unanswered() -> None:
    async with held_call() as call:
        await asyncio.sleep(4)
        call.link.presses("4")
        call.link.presses("2")
        await asyncio.sleep(0.5)
        call.session.finish("Our time is up. Goodbye.", EndedReason.USAGE_LIMIT, Fault.CUSTOMER)
        await call.ended()
        assert call.said == [("assistant", GREETING), PRESSED, ("assistant", "Our time is up. Goodbye.")]
