"""Calls are held with what their owner chose."""

from tests.support.switchboard import Switchboard, switchboard, tone
from tests.support.virtual_time import virtually

from callgenie.telephony.simulator.script import HangUp, Listen, Play
from callgenie.voice.catalogue import VoiceCatalogue
from callgenie.voice.ports import VoiceProviders
from callgenie.voice.providers.scripted import ScriptedModel

HOSTED = "openai/gpt-4.1-mini"
ONE_QUESTION = (Listen(), Play(tone(800)), Listen(), HangUp())


def with_a_hosted_model(embedded: VoiceProviders) -> VoiceCatalogue:
    return VoiceCatalogue(embedded, models={HOSTED: ScriptedModel({"open": "All day long."})})


def choose(board: Switchboard, model: str) -> None:
    board.office.customers.choose(board.owner, ai_model=model)


@virtually
async def test_each_call_is_held_with_what_its_owner_has_chosen_by_then(mongodb_uri: str) -> None:
    async with switchboard(mongodb_uri, catalogue=with_a_hosted_model) as board:
        await board.dial(*ONE_QUESTION, session_id="CA1")
        choose(board, HOSTED)
        await board.dial(*ONE_QUESTION, session_id="CA2")
        choose(board, "openai/gone")
        await board.dial(*ONE_QUESTION, session_id="CA3")
        answers = [(await board.turns(f"CA{number}"))[2][1] for number in (1, 2, 3)]
    assert answers == ["We are open from nine to five.", "All day long.", "We are open from nine to five."]
