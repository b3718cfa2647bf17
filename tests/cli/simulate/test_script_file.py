"""Scripts: what they mean, and how wrong ones are refused."""

from pathlib import Path

import pytest

from callgenie.cli.simulate.scenario import (
    CarrierKind,
    Heard,
    HungUp,
    Refused,
    Scenario,
    Silence,
    Transferred,
    duration_ms,
)
from callgenie.cli.simulate.script_file import FILE_BYTES_MAX, STEPS_MAX, ScriptFaultError, read_script
from callgenie.cli.simulate.words import wanted
from callgenie.telephony.simulator.faults import Faults
from callgenie.telephony.simulator.script import AwaitHangUp, HangUp, Hear, LetSpeak, Pause, Play, Press, Say

HEAD = "to: +14155550123\n"


def script(folder: Path, text: str | bytes) -> Scenario:
    path = folder / "call.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_script(path)


def test_every_step_and_expectation_is_understood(tmp_path: Path) -> None:
    (tmp_path / "question.wav").touch()
    scenario = script(
        tmp_path,
        """
to: "+14155550123"
from: anonymous
carrier: exotel
voice: nanotts-en-us
steps:
  - expect: {heard: [hello, /ba.ery/], within: 5s}
  - say: "When are you open?"
  - play: question.wav
  - interrupt: {after: 1.5s, say: Wait.}
  - interrupt: {play: question.wav}
  - press: "1 2#"
  - pause: 200ms
  - expect: silence
  - expect: {silence: 2}
  - expect: hang up
  - expect: {hang_up: true, within: 1m}
  - expect: refused
  - expect: {refused: busy}
  - expect: {transferred: "+14155550177"}
  - hang up
""",
    )
    assert (scenario.to_number, scenario.from_number) == ("+14155550123", "anonymous")
    assert (scenario.carrier, scenario.voice) == (CarrierKind.EXOTEL, "nanotts-en-us")
    wav = Play(tmp_path / "question.wav", label="question.wav")
    gap = Pause(150)
    assert [tuple(stage.actions) for stage in scenario.stages] == [
        (Hear(5_000),),
        (Say("When are you open?"),),
        (wav,),
        (LetSpeak(1_500), Say("Wait.")),
        (LetSpeak(1_000), wav),
        (Press("1"), gap, Press("2"), gap, Press("#"), gap),
        (Pause(200),),
        (Pause(3_000),),
        (Pause(2_000),),
        (AwaitHangUp(20_000),),
        (AwaitHangUp(60_000),),
        (AwaitHangUp(20_000),),
        (AwaitHangUp(20_000),),
        (AwaitHangUp(20_000),),
        (HangUp(),),
    ]
    expectations = [stage.expectation for stage in scenario.stages if stage.expectation is not None]
    assert expectations == [
        Heard((wanted("hello"), wanted("/ba.ery/")), 5_000),
        Silence(3_000),
        Silence(2_000),
        HungUp(20_000),
        HungUp(60_000),
        Refused((), 20_000),
        Refused((wanted("busy"),), 20_000),
        Transferred("+14155550177", 20_000),
    ]
    assert [stage.line for stage in scenario.stages] == list(range(7, 22))


def test_every_fault_is_understood(tmp_path: Path) -> None:
    faults = """
faults:
  duplicate webhooks: 2
  duplicate_callbacks: 3
  late callbacks: true
  jitter: 200ms
  garbage every: 100
  socket dies: 8s
  carrier falls silent: 9s
  lost marks: yes
"""
    assert script(tmp_path, HEAD + "steps: [hang up]" + faults).faults == Faults(
        webhook_repeats=2,
        status_repeats=3,
        status_backwards=True,
        jitter_ms_max=200,
        garbage_every_frames=100,
        dies_after_ms=8_000,
        goes_silent_after_ms=9_000,
        withholds_marks=True,
    )


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("", None, "is empty"),
        ("to: [\n", 2, "not YAML"),
        ("- hang up\n", 1, "names with values"),
        (HEAD, 1, "`steps` is missing"),
        ("steps: [hang up]\n", 1, "`to` is missing"),
        (HEAD + "steps: []\n", 2, "1 to 200 steps"),
        (HEAD + "steps:" + "\n - hang up" * (STEPS_MAX + 1), 3, "1 to 200 steps"),
        ("to: 5550123\nsteps: [hang up]\n", 1, "E.164"),
        ("to: anonymous\nsteps: [hang up]\n", 1, "E.164"),
        (HEAD + "caller: me\nsteps: [hang up]\n", 2, "no place in a script; there is: to, from"),
        (HEAD + HEAD + "steps: [hang up]\n", 2, "there twice"),
        (HEAD + "carrier: pigeon\nsteps: [hang up]\n", 2, "one of twilio, exotel"),
        (HEAD + "voice: mine\nsteps: [hang up]\n", 2, "one of nanotts"),
        (HEAD + "steps:\n  - sya: Hello.\n", 3, "`sya` is no step; there is: say, play, pause, press"),
        (HEAD + "steps:\n  - hello\n", 3, "is no step"),
        (HEAD + "steps:\n  - say: A\n    pause: 1s\n", 3, "does one thing"),
        (HEAD + "steps:\n  - say: ''\n", 3, "takes a text"),
        (HEAD + "steps:\n  - say: [a]\n", 3, "takes a text"),
        (HEAD + "steps:\n  - say: " + "x" * 1_001, 3, "at most 1000 characters"),
        (HEAD + "steps:\n  - play: nowhere.wav\n", 3, "there is no file"),
        (HEAD + "steps:\n  - pause: a while\n", 3, "a length of time"),
        (HEAD + "steps:\n  - pause: 11m\n", 3, "up to 10 minutes"),
        (HEAD + "steps:\n  - press: 12e\n", 3, "takes keys"),
        (HEAD + "steps:\n  - interrupt: {after: 1s}\n", 3, "needs `say` or `play`"),
        (HEAD + "steps:\n  - interrupt: {before: 1s, say: x}\n", 3, "`before` is nothing"),
        (HEAD + "steps:\n  - expect: applause\n", 3, "cannot be expected"),
        (HEAD + "steps:\n  - expect: {within: 5s}\n", 3, "takes one of"),
        (HEAD + "steps:\n  - expect: {heard: a, silence: 1s}\n", 3, "takes one of"),
        (HEAD + "steps:\n  - expect: {heard: []}\n", 3, "needs words"),
        (HEAD + "steps:\n  - expect: {heard: /(/}\n", 3, "no regular expression"),
        (HEAD + "steps:\n  - expect: {hang up: no}\n", 3, "takes true"),
        (HEAD + "steps: [hang up]\nfaults: {lightning: true}\n", 3, "is no fault"),
        (HEAD + "steps: [hang up]\nfaults: {jitter: much}\n", 3, "a length of time"),
        (HEAD + "steps: [hang up]\nfaults: {garbage every: -1}\n", 3, "a number up to 1000"),
        (HEAD + "steps: [hang up]\nfaults: {lost marks: 3}\n", 3, "takes true"),
        ("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", 1, "no place in a script"),
        ("[" * 20_000, None, "not YAML"),
        (b"\xff\xfe", None, "not YAML in UTF-8"),
        (b"x" * (FILE_BYTES_MAX + 1), None, "at most 64 KiB"),
    ],
)
def test_a_wrong_script_is_refused_with_the_line_and_what_is_allowed(
    tmp_path: Path, text: str | bytes, line: int | None, what: str
) -> None:
    with pytest.raises(ScriptFaultError) as refused:
        script(tmp_path, text)
    place = str(tmp_path / "call.yaml") + (f":{line}:" if line else ":")
    assert str(refused.value).startswith(place)
    assert what in str(refused.value)


def test_a_script_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScriptFaultError, match="cannot be opened"):
        read_script(tmp_path / "nowhere.yaml")


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1.5s", 1_500),
        ("200ms", 200),
        ("2", 2_000),
        ("10m", 600_000),
        ("0", 0),
        ("-1s", None),
        ("1h", None),
        ("s", None),
    ],
)
def test_lengths_of_time(text: str, ms: int | None) -> None:
    assert duration_ms(text) == ms
