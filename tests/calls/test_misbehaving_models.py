"""Calls held by a model that behaves badly: nothing is said that is not so, no message lost, no caller hung up on."""

from typing import Any

import pytest
from tests.support.hosted_board import hosted_board
from tests.support.serving import serving
from tests.support.switchboard import tone
from tests.support.vendors.misbehaving import FAQ, NO_ANSWER, OPEN, WAYS, Misbehaviour, server_of
from tests.support.vendors.openai import KEY
from tests.support.virtual_time import virtually

from callgenie.telephony.simulator.script import AwaitHangUp, HangUp, Listen, Play
from callgenie.voice.providers.scripted import Answer

OWNER = "+14155550177"


async def call_held_by(way: Misbehaviour, mongodb_uri: str) -> dict[str, Any]:
    """Return the record of a call that a model held which behaves so."""
    server = server_of(way)
    async with serving(server.app) as url:
        settings = {"openai_api_key": KEY, "openai_base_url": f"{url}/v1"}
        answers: dict[str, Answer] = {"open": OPEN, "filling": NO_ANSWER}
        async with hosted_board(
            mongodb_uri, settings, texts=way.said, answers=answers, faq=FAQ, transfer_number=OWNER
        ) as board:
            speaking = [action for _ in way.said for action in (Play(tone(800)), Listen())]
            # Whoever takes leave is hung up on; all others hang up themselves.
            last = AwaitHangUp() if way.takes_leave else HangUp()
            await board.dial(Listen(), *speaking, last)
            assert server.bodies
            assert await board.is_at_rest()
            return await board.office.conversation("CA1")


@pytest.mark.parametrize("name", WAYS)
def test_however_a_model_behaves_the_caller_is_served(name: str, mongodb_uri: str) -> None:
    way = WAYS[name]

    @virtually
    async def run() -> None:
        record = await call_held_by(way, mongodb_uri)
        heard = [turn["text"] for turn in record["turns"] if turn["role"] == "assistant"][1:]
        assert tuple(heard) == way.heard
        assert record["endedReason"] == ("assistant-hangup" if way.takes_leave else "caller-hangup")
        messages = [(each["text"], each.get("confirmed", True)) for each in record.get("messages", [])]
        assert messages == ([] if way.message is None else [way.message])
        assert "transfer" not in record

    run()


def test_there_are_ways_enough() -> None:
    assert len(WAYS) >= 25
