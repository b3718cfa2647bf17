"""Reads a script: YAML, and for whatever is wrong in it the line, what is allowed, and an example."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final, NoReturn

import yaml

from callgenie.cli.simulate.scenario import (
    CarrierKind,
    Expectation,
    Heard,
    HungUp,
    Refused,
    Scenario,
    Silence,
    Stage,
    Transferred,
    duration_ms,
)
from callgenie.cli.simulate.words import Wanted, wanted
from callgenie.kernel.phone import is_e164
from callgenie.telephony.simulator.faults import Faults
from callgenie.telephony.simulator.script import Action, HangUp, LetSpeak, Pause, Play, Press, Say
from callgenie.voice.providers.nanotts import VOICES

FILE_BYTES_MAX: Final = 65_536
STEPS_MAX: Final = 200
TEXT_CHARACTERS_MAX: Final = 1_000

DEFAULT_FROM: Final = "+14155550188"
DEFAULT_VOICE: Final = "nanotts-en-gb"
_WITHIN_MS: Final = 10_000
_HANG_UP_WITHIN_MS: Final = 20_000
_SILENCE_MS: Final = 3_000
_BETWEEN_KEYS: Final = Pause(150)


class ScriptFaultError(Exception):
    """The script cannot be played: where, why, what is allowed and how it is written."""

    def __init__(self, place: str, what: str, example: str = "") -> None:
        super().__init__(f"{place}: {what}" + (f"\n  for example:  {example}" if example else ""))


@dataclass(frozen=True, slots=True)
class _At:
    """A node of the document, and the name of its file."""

    file: str
    node: yaml.Node

    @property
    def line(self) -> int:
        return int(self.node.start_mark.line) + 1

    def refuse(self, what: str, example: str = "") -> NoReturn:
        raise ScriptFaultError(f"{self.file}:{self.line}", what, example)

    def text(self, name: str, example: str) -> str:
        if not isinstance(self.node, yaml.ScalarNode) or not self.node.value.strip():
            self.refuse(f"`{name}` takes a text.", example)
        if len(self.node.value) > TEXT_CHARACTERS_MAX:
            self.refuse(f"`{name}` takes at most {TEXT_CHARACTERS_MAX} characters.", example)
        return str(self.node.value).strip()

    def duration(self, name: str, example: str) -> int:
        ms = duration_ms(self.text(name, example))
        if ms is None:
            self.refuse(f"`{name}` takes a length of time, up to 10 minutes.", example)
        return ms

    def number(self, name: str, most: int, example: str) -> int:
        text = self.text(name, example)
        if not (text.isascii() and text.isdigit() and int(text[:9]) <= most):
            self.refuse(f"`{name}` takes a number up to {most}.", example)
        return int(text)

    def items(self) -> "list[_At]":
        nodes = self.node.value if isinstance(self.node, yaml.SequenceNode) else [self.node]
        return [_At(self.file, node) for node in nodes]

    def entries(self, what: str, example: str) -> "dict[str, _At]":
        """Return the entries of a mapping under their names, in which `_` and `-` are as good as a space."""
        if not isinstance(self.node, yaml.MappingNode):
            self.refuse(f"{what} is written as names with values.", example)
        entries: dict[str, _At] = {}
        for key, value in self.node.value:
            name = re.sub("[-_ ]+", " ", _At(self.file, key).text("a name", example).lower())
            if name in entries:
                _At(self.file, key).refuse(f"`{name}` is there twice.")
            entries[name] = _At(self.file, value)
        return entries


def read_script(path: Path) -> Scenario:
    """Return what a file says.

    Raises:
        ScriptFaultError: It cannot be read, or says something that cannot be played.
    """
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise ScriptFaultError(str(path), f"the script cannot be opened ({error.strerror}).") from error
    if len(data) > FILE_BYTES_MAX:
        raise ScriptFaultError(str(path), f"a script has at most {FILE_BYTES_MAX // 1024} KiB.")
    try:
        node = yaml.compose(data.decode("utf-8"), Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ScriptFaultError(
            f"{path}:{line}", f"this is not YAML: {error.problem}. Texts with any of : ? # , {{ }} [ ] stand in quotes."
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ScriptFaultError(str(path), "this is not YAML in UTF-8.") from error
    if node is None:
        raise ScriptFaultError(str(path), "the script is empty.", "callgenie simulate --example > call.yaml")
    return _scenario(_At(str(path), node), path.parent)


def _scenario(document: _At, folder: Path) -> Scenario:
    entries = document.entries("A script", 'to: "+14155550123"')
    _only(entries, ("to", "from", "carrier", "voice", "steps", "faults"), "has no place in a script")
    for needed, example in (("to", 'to: "+14155550123"'), ("steps", "steps: [say: Hello., hang up]")):
        if needed not in entries:
            document.refuse(f"`{needed}` is missing.", example)
    steps = entries["steps"]
    if not isinstance(steps.node, yaml.SequenceNode) or not 1 <= len(steps.node.value) <= STEPS_MAX:
        steps.refuse(f"`steps` is a list of 1 to {STEPS_MAX} steps.", "- say: Hello.")
    carrier = _choice(entries.get("carrier"), "carrier", tuple(CarrierKind), CarrierKind.TWILIO)
    return Scenario(
        to_number=_telephone(entries["to"], "to"),
        from_number=_telephone(entries["from"], "from") if "from" in entries else DEFAULT_FROM,
        carrier=CarrierKind(carrier),
        voice=_choice(entries.get("voice"), "voice", tuple(VOICES), DEFAULT_VOICE),
        stages=tuple(_stage(step, folder) for step in steps.items()),
        faults=_faults(entries["faults"]) if "faults" in entries else Faults(),
    )


def _only(entries: Mapping[str, _At], allowed: tuple[str, ...], what: str) -> None:
    for name, at in entries.items():
        if name not in allowed:
            at.refuse(f"`{name}` {what}; there is: {', '.join(allowed)}.")


def _choice(at: _At | None, name: str, allowed: tuple[str, ...], otherwise: str) -> str:
    if at is None:
        return otherwise
    chosen = at.text(name, f"{name}: {otherwise}")
    if chosen not in allowed:
        at.refuse(f"`{name}` is one of {', '.join(allowed)}.", f"{name}: {otherwise}")
    return chosen


def _telephone(at: _At, name: str) -> str:
    text = at.text(name, f'{name}: "+14155550123"')
    if not is_e164(text) and not (name == "from" and text == "anonymous"):
        at.refuse(f"`{name}` takes a telephone number in E.164.", f'{name}: "+14155550123"')
    return text


# One step


def _stage(step: _At, folder: Path) -> Stage:
    if isinstance(step.node, yaml.ScalarNode):
        if step.node.value.strip().lower().replace("_", " ") == "hang up":
            return Stage(step.line, (HangUp(),))
        step.refuse(f"`{step.node.value}` is no step; there is: {', '.join(_STEP_NAMES)}.", "- say: Hello.")
    entries = step.entries("A step", "- say: Hello.")
    if len(entries) != 1:
        step.refuse("a step does one thing.", "- say: Hello.")
    [(name, value)] = entries.items()
    if name == "expect":
        expectation = _expectation(value)
        return Stage(step.line, (expectation.action(),), expectation)
    if name == "hang up":
        return Stage(step.line, (HangUp(),))
    if name not in _STEPS:
        step.refuse(f"`{name}` is no step; there is: {', '.join(_STEP_NAMES)}.", "- say: Hello.")
    return Stage(step.line, tuple(_STEPS[name](value, folder)))


def _say(value: _At, folder: Path) -> Iterator[Action]:
    del folder
    yield Say(value.text("say", "- say: Good morning. When are you open?"))


def _play(value: _At, folder: Path) -> Iterator[Action]:
    recording = folder / value.text("play", "- play: question.wav")
    if not recording.is_file():
        value.refuse(f"there is no file {recording}.", "- play: question.wav")
    yield Play(recording, label=recording.name)


def _pause(value: _At, folder: Path) -> Iterator[Action]:
    del folder
    yield Pause(value.duration("pause", "- pause: 1.5s"))


def _press(value: _At, folder: Path) -> Iterator[Action]:
    del folder
    keys = value.text("press", '- press: "12#"').replace(" ", "").upper()
    if not re.fullmatch("[0-9*#A-D]{1,32}", keys):
        value.refuse("`press` takes keys: 0-9, *, #, A-D.", '- press: "12#"')
    for key in keys:
        yield from (Press(key), _BETWEEN_KEYS)


def _interrupt(value: _At, folder: Path) -> Iterator[Action]:
    example = "- interrupt: {after: 1s, say: Wait.}"
    entries = value.entries("`interrupt`", example)
    _only(entries, ("after", "say", "play"), "is nothing that `interrupt` has")
    if ("say" in entries) == ("play" in entries):
        value.refuse("`interrupt` needs `say` or `play`.", example)
    yield LetSpeak(entries["after"].duration("after", example) if "after" in entries else 1_000)
    yield from _say(entries["say"], folder) if "say" in entries else _play(entries["play"], folder)


_STEPS: Final[Mapping[str, Callable[[_At, Path], Iterator[Action]]]] = {
    "say": _say,
    "play": _play,
    "pause": _pause,
    "press": _press,
    "interrupt": _interrupt,
}
_STEP_NAMES: Final = (*_STEPS, "expect", "hang up")

# Expectations

_EXPECT: Final = '- expect: {heard: "open from nine", within: 5s}'


def _expectation(value: _At) -> Expectation:
    if isinstance(value.node, yaml.ScalarNode):
        word = value.node.value.strip().lower().replace("_", " ")
        simple: dict[str, Expectation] = {
            "silence": Silence(_SILENCE_MS),
            "hang up": HungUp(_HANG_UP_WITHIN_MS),
            "refused": Refused((), _HANG_UP_WITHIN_MS),
        }
        found = simple.get(word)
        if found is None:
            value.refuse(f"`{word}` cannot be expected; there is: silence, hang up, refused, or names with values.")
        return found
    entries = value.entries("`expect`", _EXPECT)
    _only(entries, ("heard", "silence", "hang up", "refused", "transferred", "within"), "cannot be expected")
    kinds = [name for name in entries if name != "within"]
    if len(kinds) != 1:
        value.refuse("`expect` takes one of heard, silence, hang up, refused, transferred; and within.", _EXPECT)
    within = entries["within"].duration("within", _EXPECT) if "within" in entries else None
    at = entries[kinds[0]]
    match kinds[0]:
        case "heard":
            return Heard(_wanted(at, "heard"), _WITHIN_MS if within is None else within)
        case "silence":
            return Silence(at.duration("silence", "- expect: {silence: 3s}"))
        case "hang up":
            _affirmed(at, "hang up")
            return HungUp(_HANG_UP_WITHIN_MS if within is None else within)
        case "transferred":
            number = _telephone(at, "transferred")
            return Transferred(number, _HANG_UP_WITHIN_MS if within is None else within)
        case _:
            words = () if _is_true(at) else _wanted(at, "refused")
            return Refused(words, _HANG_UP_WITHIN_MS if within is None else within)


def _wanted(at: _At, name: str) -> tuple[Wanted, ...]:
    found = []
    for each in at.items():
        try:
            found.append(wanted(each.text(name, _EXPECT)))
        except re.error as error:
            each.refuse(f"this is no regular expression: {error}.", "heard: /open (from|at) nine/")
    if not found:
        at.refuse(f"`{name}` needs words.", _EXPECT)
    return tuple(found)


def _is_true(at: _At) -> bool:
    return isinstance(at.node, yaml.ScalarNode) and at.node.value.strip().lower() in {"true", "yes"}


def _affirmed(at: _At, name: str) -> None:
    if not _is_true(at):
        at.refuse(f"`{name}` takes true.", f"- expect: {{{name}: true}}")


# Faults

_FAULTS: Final[Mapping[str, tuple[str, str]]] = {
    "duplicate webhooks": ("webhook_repeats", "2"),
    "duplicate callbacks": ("status_repeats", "2"),
    "late callbacks": ("status_backwards", "true"),
    "jitter": ("jitter_ms_max", "200ms"),
    "socket dies": ("dies_after_ms", "8s"),
    "carrier falls silent": ("goes_silent_after_ms", "8s"),
    "garbage every": ("garbage_every_frames", "100"),
    "lost marks": ("withholds_marks", "true"),
}
_TIMES_MAX: Final = 1_000


def _faults(value: _At) -> Faults:
    entries = value.entries("`faults`", "faults: {jitter: 200ms}")
    _only(entries, tuple(_FAULTS), "is no fault")
    switches = {field.name for field in fields(Faults) if field.default is False}
    given: dict[str, int] = {}
    for name, at in entries.items():
        attribute, example = _FAULTS[name]
        if attribute.endswith(("_ms", "_ms_max")):
            given[attribute] = at.duration(name, f"{name}: {example}")
        elif attribute in switches:
            _affirmed(at, name)
            given[attribute] = True
        else:
            given[attribute] = at.number(name, _TIMES_MAX, f"{name}: {example}")
    return Faults(**given)  # type: ignore[arg-type] # booleans are integers, and each field gets what it takes
