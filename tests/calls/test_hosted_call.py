"""A call whose language model is hosted, on a server that speaks the vendor's format, and what becomes of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.support.hosted_board import hosted_board
from tests.support.serving import serving
from tests.support.switchboard import Switchboard, tone
from tests.support.vendors.faults import Fault
from tests.support.vendors.openai import KEY, OpenAi, Reply
from tests.support.virtual_time import virtually

from callgenie.profiles.models import FaqEntry
from callgenie.telephony.simulator.script import HangUp, Listen, Play

TWO_QUESTIONS = (Listen(), Play(tone(800)), Listen(), Play(tone(800)), Listen(), HangUp())
OPEN = "We are open from nine to five."  # what the embedded model says, too: the caller cannot tell them apart


@asynccontextmanager
async def answered_by(server: OpenAi, mongodb_uri: str) -> AsyncIterator[Switchboard]:
    faq = (FaqEntry("When are you open?", OPEN),)
    async with serving(server.app) as url:
        settings = {"openai_api_key": KEY, "openai_base_url": f"{url}/v1"}
        async with hosted_board(mongodb_uri, settings, texts=["when are you open"], faq=faq) as board:
            yield board


async def said(board: Switchboard) -> list[str]:
    return [text for role, text in await board.turns() if role == "assistant"][1:]


@virtually
async def test_the_hosted_model_answers_the_call(mongodb_uri: str) -> None:
    server = OpenAi()
    async with answered_by(server, mongodb_uri) as board:
        await board.dial(*TWO_QUESTIONS)
        answers = await said(board)
    assert len(server.bodies) == 2
    assert "Bakery" in server.bodies[0]["messages"][0]["content"]
    assert server.bodies[1]["messages"][-2]["content"] == answers[0]


@virtually
async def test_a_model_that_dies_in_the_middle_of_a_call_does_not_end_it(mongodb_uri: str) -> None:
    """The first answer breaks off, the second one never comes: the caller is told, and then answered from the FAQ."""
    server = OpenAi(lambda _messages, _tools: Reply("We are open. From nine to five, that is."))
    async with answered_by(server, mongodb_uri) as board:
        server.misfortune.add(Fault(pieces=5), Fault(503), Fault(503))
        await board.dial(*TWO_QUESTIONS)
        answers = await said(board)
        conversation = await board.office.conversation("CA1")
    assert "lost my thread" in answers[0]
    assert answers[1] == OPEN
    assert conversation["endedReason"] == "caller-hangup"


@virtually
async def test_an_answer_that_breaks_off_in_its_first_sentence_is_not_heard_at_all(mongodb_uri: str) -> None:
    server = OpenAi()
    async with answered_by(server, mongodb_uri) as board:
        server.misfortune.add(Fault(pieces=4), Fault(503))
        await board.dial(*TWO_QUESTIONS)
        assert (await said(board))[0] == OPEN


@virtually
async def test_a_wrong_key_is_found_out_while_the_caller_is_greeted(mongodb_uri: str) -> None:
    server = OpenAi(key="another")
    async with answered_by(server, mongodb_uri) as board:
        await board.dial(*TWO_QUESTIONS)
        assert await said(board) == [OPEN, OPEN]
    assert server.asked == ["/v1/models"]
