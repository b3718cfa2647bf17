"""An account that is suspended while its assistant talks."""

import asyncio

from tests.support.switchboard import stream_of, switchboard, tone
from tests.support.virtual_time import virtually

from callgenie.telephony.simulator.report import Ending
from callgenie.telephony.simulator.script import HangUp, Pause, Play

TALK = (Play(tone(800)), Pause(4_200))


@virtually
async def test_a_call_of_an_account_that_is_suspended_meanwhile_ends_politely_within_what_was_granted(
    mongodb_uri: str,
) -> None:
    async with switchboard(mongodb_uri, texts=["when are you open"]) as board:
        asyncio.get_running_loop().call_later(5, board.office.customers.suspend, board.owner)
        report = await board.dial(*TALK * 30, HangUp())
        conversation = await board.office.conversation("CA1")
        assert await board.comes_to_rest()
    assert (conversation["endedReason"], conversation["fault"]) == ("account-suspended", "customer")
    assert report.ended_by is Ending.ASSISTANT
    assert stream_of(report).duration_ms <= 60_500
