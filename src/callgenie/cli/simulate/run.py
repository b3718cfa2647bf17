"""Holds one call of a script, and judges it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import httpx

from callgenie.cli.simulate.judge import SimulatedCallOutcome, judge
from callgenie.cli.simulate.listener import Listener, Tell
from callgenie.cli.simulate.scenario import Scenario
from callgenie.kernel.errors import UnavailableError
from callgenie.telephony.simulator.carrier import Dialling
from callgenie.telephony.simulator.report import CallReport
from callgenie.telephony.simulator.script import Step
from callgenie.telephony.twilio.twiml import TwimlError
from callgenie.voice.ports import SpeechToText

Dial = Callable[[Dialling], Awaitable[CallReport]]

# When a call is over only its last words are still to be recognised; of fifty at once, the last of each.
_WRITE_DOWN_SECONDS_MAX: Final = 60.0


class ServerAwayError(UnavailableError):
    """Nobody takes calls at this address."""

    code = "server_away"

    def __init__(self, why: str) -> None:
        super().__init__(f"The call cannot be placed: {why}. Is the server running, and is --url its address?")


async def hold(
    scenario: Scenario, steps: Sequence[Step], dial: Dial, stt: SpeechToText, tell: Tell
) -> SimulatedCallOutcome:
    """Place one call and hold it to its end.

    Raises:
        ServerAwayError: There is no server, or it is none of ours.
    """
    listener = Listener(stt, tell)
    dialling = Dialling(scenario.from_number, scenario.to_number, steps, faults=scenario.faults, witness=listener)
    writing = asyncio.create_task(listener.write_down(), name="listener")
    try:
        report = await dial(dialling)
        listener.finish()
        async with asyncio.timeout(_WRITE_DOWN_SECONDS_MAX):
            await writing
    except (httpx.HTTPError, OSError) as error:
        raise ServerAwayError(str(error) or type(error).__name__) from error
    except TwimlError as error:
        raise ServerAwayError(f"the answer is no TwiML ({error})") from error
    finally:
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
    return judge(scenario, report, listener.lines)
