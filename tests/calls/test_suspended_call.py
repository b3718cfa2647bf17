"""An account that is suspended while its assistant talks."""

import asyncio

from tests.support.spoken import was_heard_whole
from tests.support.switchboard import stream_of, switchboard, tone
from tests.support.virtual_time import virtually

from callgenie.calls.running import GOODBYE, WARNING
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
    ours = [turn for turn in conversation["turns"] if turn["role"] == "assistant"]
    heard = [turn["text"] for turn in ours]
    assert WARNING in [turn.get("generatedText", turn["text"]) for turn in ours]
    assert heard[-1] == GOODBYE
    assert was_heard_whole(stream_of(report), conversation, GOODBYE)
    # What has become of the owner's account is no business of a caller's.
    assert not any(word in text.lower() for text in heard for word in ("account", "suspend", "plan", "minutes"))
    assert (conversation["endedReason"], conversation["fault"]) == ("account-suspended", "customer")
    assert report.ended_by is Ending.ASSISTANT
    assert stream_of(report).duration_ms <= 60_500
