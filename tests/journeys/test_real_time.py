"""A whole call by the clock on the wall: the server is a process of its own, with the voices that come along.

What it must do it must do on a busy machine as well, so order and content are looked at, and no millisecond.
"""

from pathlib import Path

from tests.support.served_bakery import ended, open_bakery
from tests.support.served_program import serving_program, url_of
from tests.support.word_errors import word_error_rate

from callgenie.cli.demo.owner import Owner
from callgenie.telephony.simulator.carrier import Dialling, SimulatedCarrier
from callgenie.telephony.simulator.report import Ending
from callgenie.telephony.simulator.script import AwaitHangUp, LetSpeak, Listen, Press, Say, rehearse
from callgenie.voice.providers.nanotts import NanoTextToSpeech
from callgenie.voice.providers.workers import Workers

AUTH_TOKEN = "the auth token of a test account"
NUMBER = "+14155550123"
# Some twelve seconds of speech. However late an interruption is noticed, there is something left to be cut off.
GREETING = (
    "Hello, this is Harbour Bakery in Mill Lane. We bake bread, rolls and cakes, every day but Sunday. "
    "You can order a cake by telephone, three days ahead, and we deliver inside the city. How can I help you?"
)
QUESTION = "Can I pay by card?"
ANSWER = "Yes, we take all cards, and cash too."
# Only a call that fails lasts so long.
PATIENCE_MS = 120_000

SCRIPT = (
    LetSpeak(1_000, timeout_ms=PATIENCE_MS),
    Say(QUESTION),
    Listen(timeout_ms=PATIENCE_MS),
    Press("4"),
    AwaitHangUp(PATIENCE_MS),
)


async def test_by_the_clock_on_the_wall_a_caller_interrupts_presses_a_key_and_falls_silent(data_folder: Path) -> None:
    steps = await rehearse(SCRIPT, NanoTextToSpeech(Workers()), voice_name="nanotts-en-gb")
    with serving_program(data_folder, TWILIO_AUTH_TOKEN=AUTH_TOKEN) as server:
        url = await url_of(data_folder, server)
        async with Owner(url) as owner, SimulatedCarrier(url, AUTH_TOKEN) as carrier:
            await open_bakery(owner, data_folder, NUMBER, greeting=GREETING)
            report = await carrier.call(Dialling("+14155550188", NUMBER, steps))
            conversation = await ended(owner, report.session_id)
            usage = await owner.usage()

    turns = [(turn["role"], turn["text"]) for turn in conversation["turns"]]
    assert [role for role, _ in turns] == ["assistant", "user", "assistant", "user", *["assistant"] * 3]
    greeting, asked, answer, key, to_the_key, still_there, goodbye = (text for _, text in turns)

    # The greeting was cut off: by the question, before it was answered, and the record has what was heard of it.
    cut = conversation["turns"][0]
    assert cut["interrupted"]
    assert (cut["generatedText"], greeting) == (GREETING, GREETING[: len(greeting)])
    assert 0 < len(greeting.split()) < len(GREETING.split())
    assert word_error_rate([(QUESTION, asked)]) <= 0.4
    assert answer == ANSWER
    stream = report.stream
    assert stream is not None
    [exchange] = stream.exchanges
    assert exchange.answered_ms is not None
    assert any(exchange.began_ms < each < exchange.answered_ms for each in stream.clears_ms)

    # The key is a turn of its own, and something is said to it.
    assert key == "(pressed 4)"
    assert to_the_key

    # Silence is asked about once, and then we are the ones who hang up.
    assert still_there == "Are you still there?"
    assert goodbye.endswith("Goodbye.")
    assert (report.ended_by, stream.close_code) == (Ending.ASSISTANT, 1_000)
    assert (conversation["status"], conversation["endedReason"]) == ("completed", "silence-timeout")
    assert usage["calls"]["used"] == 1
