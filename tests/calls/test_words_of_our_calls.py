"""What the assistant says to somebody whom it has called itself: nothing that is meant for callers."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tests.support.embedded import embedded
from tests.support.placed_calls import WISH, calls_of, carried_out, outbound, recorded
from tests.support.switchboard import tone
from tests.support.virtual_time import virtually

from callgenie.telephony.simulator.script import Action, AwaitHangUp, Listen, Play
from callgenie.voice.answering_machine import AnsweringMachine
from callgenie.voice.catalogue import VoiceCatalogue
from callgenie.voice.ports import VoiceProviders


def answers_from_the_faq(scripted: VoiceProviders) -> VoiceCatalogue:
    return VoiceCatalogue(replace(scripted, model=embedded().model))


def without_model(scripted: VoiceProviders) -> VoiceCatalogue:
    """Have a model that is gone, as with every vendor away."""
    return VoiceCatalogue(replace(scripted, model=AnsweringMachine()))


async def words_of_ours(
    mongodb_uri: str, *said: str, actions: Sequence[Action] | None = None, **more: Any
) -> list[str]:
    """Call a customer of the Harbour Bakery, who says so much; return what the assistant said after its opening."""
    talk = actions or (Listen(), *(Play(tone(800)), Listen()) * len(said), AwaitHangUp())
    async with outbound(mongodb_uri, texts=said, company="Harbour Bakery", **more) as (board, twilio):
        await calls_of(board).place(board.owner, WISH)
        await carried_out(board, twilio, actions=talk)
        assert await board.comes_to_rest()
        turns = (await recorded(board))["turns"]
    opening, *rest = [turn["text"] for turn in turns if turn["role"] == "assistant"]
    assert opening.endswith("I am calling about your order of a birthday cake.")
    assert not any("for calling" in text or "call again" in text for text in rest)
    return rest


@virtually
async def test_whom_we_called_is_thanked_for_their_time_and_told_why_we_call(mongodb_uri: str) -> None:
    said = ("hello", "what is this about?", "thank you goodbye")
    rest = await words_of_ours(mongodb_uri, *said, catalogue=answers_from_the_faq)
    assert rest == [
        "Hello. I am calling about your order of a birthday cake.",
        "I am calling about your order of a birthday cake.",
        "Thank you for your time. Goodbye.",
    ]


@virtually
async def test_whom_we_called_is_asked_whether_to_be_called_back_where_they_were_called(mongodb_uri: str) -> None:
    said = ("can you take a message", "tell the baker that it is too late", "Anna Smith", "yes", "yes", "no goodbye")
    rest = await words_of_ours(mongodb_uri, *said, catalogue=answers_from_the_faq)
    assert rest[2] == "Shall we call you back on the number we have called?"
    assert rest[-1] == "Thank you for your time. Goodbye."


@virtually
async def test_whom_we_called_is_said_goodbye_to_without_any_model_too(mongodb_uri: str) -> None:
    assert await words_of_ours(mongodb_uri, "goodbye", catalogue=without_model) == ["Thank you for your time. Goodbye."]


@virtually
async def test_whom_we_called_and_cannot_hear_is_not_asked_to_call_again(mongodb_uri: str) -> None:
    rest = await words_of_ours(mongodb_uri, actions=(AwaitHangUp(),))
    assert rest == ["Are you still there?", "I can't hear you, so I'll hang up now. Goodbye."]


@virtually
async def test_whom_we_called_hears_that_the_server_restarts_and_is_not_asked_to_call_again(mongodb_uri: str) -> None:
    async with outbound(mongodb_uri) as (board, twilio):
        await calls_of(board).place(board.owner, WISH)
        call = asyncio.create_task(carried_out(board, twilio, actions=(AwaitHangUp(),)))
        await asyncio.sleep(6)
        await board.live.drain(16)
        await call
        turns = (await recorded(board))["turns"]
    assert turns[-1]["text"] == "I am sorry, our system is about to restart, so I have to hang up. Goodbye."
