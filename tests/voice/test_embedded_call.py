"""A call with everything real but the line: spoken questions through G.711, heard, understood and answered."""

import asyncio
from datetime import UTC, datetime

from tests.support.embedded import embedded, speech
from tests.support.fake_link import FRAME, FakeLink, quiet
from tests.support.held_call import Notebook
from tests.support.virtual_time import virtually
from tests.support.word_errors import word_error_rate

from callgenie.audio.g711 import pcm_to_ulaw, ulaw_to_pcm
from callgenie.kernel.clock import LoopClock
from callgenie.kernel.vocabulary import EndedReason
from callgenie.voice.ports import Knowledge, Question
from callgenie.voice.session import CallScript, CallSession

PARKING = "Yes, there is free parking behind the building, and bicycles may be left in the yard next to it."
HOURS = "We are open Monday to Friday from nine to five thirty."
SCRIPT = CallScript(
    "Hello, this is SAATHI, the assistant of Bright Dental.",
    Knowledge("SAATHI", "Bright Dental", hours=HOURS, questions=(Question("Is there parking?", PARKING),)),
    "nanotts-en-us",
    120,
)


async def says(text: str) -> list[bytes]:
    pcm = ulaw_to_pcm(pcm_to_ulaw(await speech(text, voice="nanotts-en-gb")))
    return [pcm[at : at + FRAME].ljust(FRAME, b"\0") for at in range(0, len(pcm), FRAME)]


@virtually
async def test_two_questions_an_interruption_and_a_goodbye() -> None:
    first, interruption, last = (
        "What time do you open on Monday?",
        "Wait. What time do you close?",
        "Thank you. Goodbye.",
    )
    async with FakeLink(delay=0.03) as link:
        notebook = Notebook()
        session = CallSession(link, embedded(), SCRIPT, notebook, LoopClock(datetime(2026, 1, 5, 9, tzinfo=UTC)))
        running = asyncio.get_running_loop().create_task(session.run())
        link.says(quiet(5_000), await says("Is there parking near your office?"))
        link.says(quiet(2_000), await says(interruption))
        link.says(quiet(8_000), await says(first), quiet(8_000), await says(last))
        end = await running
    turns = notebook.turns
    assert end.reason is EndedReason.ASSISTANT_HANGUP
    users = [turn.text for turn in turns if turn.role.value == "user"]
    spoken = ["Is there parking near your office?", interruption, first, last]
    assert len(users) == 4
    assert word_error_rate(zip(spoken, users, strict=True)) <= 0.2
    answers = [turn for turn in turns if turn.role.value == "assistant"]
    assert [answer.text for answer in answers[2:]] == [HOURS, HOURS, "Thank you for calling Bright Dental. Goodbye."]
    assert answers[1].interrupted
    assert answers[1].generated_text == PARKING
    assert PARKING.startswith(answers[1].text)
    assert 0 < len(answers[1].text) < len(PARKING)
    latencies = [a.latency.server_e2e_ms for a in answers if a.latency and a.latency.server_e2e_ms is not None]
    # Virtual time stands still while models compute: this is what the rules of turn taking alone cost.
    assert max(latencies) <= 620
    assert session.playback.late_frames == 0
