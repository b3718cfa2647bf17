"""Whether a call went as its script expects."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from callgenie.cli.simulate.listener import Line
from callgenie.cli.simulate.scenario import Expectation, Heard, HungUp, Refused, Scenario, Silence, Transferred
from callgenie.telephony.simulator.carrier import UNREACHABLE
from callgenie.telephony.simulator.report import CallReport, Ending, StreamReport
from callgenie.telephony.simulator.script import Hear, Play, Say
from callgenie.telephony.twilio.twiml import Dial

# The rest of a sentence is no answer: an interrupted assistant stops within 200 ms, and the line takes a moment.
_TAIL_MS: Final = 500


@dataclass(frozen=True, slots=True)
class Verdict:
    """One expectation, and what became of it; `line` is the script's."""

    line: int
    expected: str
    passed: bool
    found: str


@dataclass(frozen=True, slots=True)
class SimulatedCallOutcome:
    """One call, judged. `problem` is why it could not be held at all, and empty when it could."""

    report: CallReport
    lines: tuple[Line, ...]
    verdicts: tuple[Verdict, ...]
    problem: str = ""

    @property
    def passed(self) -> bool:
        """Whether everything was as expected."""
        return not self.problem and all(verdict.passed for verdict in self.verdicts)


def judge(scenario: Scenario, report: CallReport, lines: Sequence[Line]) -> SimulatedCallOutcome:
    """Compare a call that is over with what was expected of it."""
    court = _Court(scenario, report, tuple(lines))
    verdicts = tuple(court.verdicts())
    refusal_expected = any(isinstance(stage.expectation, Refused) for stage in scenario.stages)
    return SimulatedCallOutcome(report, tuple(lines), verdicts, "" if refusal_expected else _problem(report))


def _problem(report: CallReport) -> str:
    if bad := [status for status in report.webhook_statuses if not 200 <= status < 300]:  # noqa: PLR2004 - HTTP's
        return (
            f"The voice webhook answered {bad[0]}. With 403, check --auth-token, and that --public-url is PUBLIC_URL "
            "of the server."
        )
    if report.upgrade_status == UNREACHABLE:
        return "The server went away before it answered the media socket, or what answers at --url is none of ours."
    if report.upgrade_status is not None:
        return (
            f"The media socket was refused with {report.upgrade_status}. With 403, check the token or secret, and "
            "--public-url."
        )
    if report.stream is None:
        return f"The call was refused: {report.announcement or 'without a word'}"
    return ""


class _Court:
    def __init__(self, scenario: Scenario, report: CallReport, lines: tuple[Line, ...]) -> None:
        self._scenario = scenario
        self._report = report
        self._lines = lines
        self._begun = report.stream.steps_ms if report.stream is not None else ()

    def verdicts(self) -> list[Verdict]:
        found = []
        first = 0
        since_ms = 0
        spoken = iter(self._report.stream.exchanges if self._report.stream is not None else ())
        for stage in self._scenario.stages:
            began_ms, ended_ms = self._at(first), self._at(first + len(stage.actions))
            if any(isinstance(action, Say | Play) for action in stage.actions):
                # An answer begins when the caller has finished; what they interrupt began before.
                exchange = next(spoken, None)
                since_ms = since_ms if exchange is None else exchange.ended_ms
            if stage.expectation is not None:
                passed, saw = self._judge(stage.expectation, since_ms, began_ms, ended_ms)
                found.append(Verdict(stage.line, str(stage.expectation), passed, saw))
            if any(isinstance(action, Hear) for action in stage.actions) and ended_ms is not None:
                since_ms = ended_ms
            first += len(stage.actions)
        return found

    def _at(self, step: int) -> int | None:
        """Return when a step began, or None when the call did not come so far."""
        return self._begun[step] if step < len(self._begun) else None

    def _judge(
        self, expected: Expectation, since_ms: int, began_ms: int | None, ended_ms: int | None
    ) -> tuple[bool, str]:
        stream = self._report.stream
        if isinstance(expected, Refused):
            return self._refused(expected)
        if stream is None:
            return False, _problem(self._report)
        match expected:
            case HungUp(within_ms):
                return self._hung_up(stream, within_ms, began_ms)
            case Transferred(number):
                dialled = [verb.number for verb in self._report.verbs if isinstance(verb, Dial)]
                return dialled == [number], f"transferred to {dialled[0]}" if dialled else "no transfer"
            case Silence(ms):
                return self._silent(stream, ms, began_ms)
            case Heard():
                return self._heard(expected, since_ms, ended_ms, stream.duration_ms if began_ms is None else None)

    def _heard(self, expected: Heard, since_ms: int, ended_ms: int | None, over_ms: int | None) -> tuple[bool, str]:
        until_ms = float("inf") if ended_ms is None else ended_ms
        said = [line.text for line in self._lines if since_ms <= line.start_ms < until_ms]
        text = " ".join(said).strip()
        if over_ms is not None and not text:
            return False, f"the call was over after {over_ms / 1000:.1f} s"
        missing = [each for each in expected.wanted if not each.is_in(text)]
        return not missing, text or f"nothing within {expected.within_ms / 1000:g} s"

    def _hung_up(self, stream: StreamReport, within_ms: int, began_ms: int | None) -> tuple[bool, str]:
        seconds = f"after {stream.duration_ms / 1000:.1f} s"
        if stream.ended_by is Ending.ASSISTANT:
            late = began_ms is not None and stream.duration_ms > began_ms + within_ms + _TAIL_MS
            return not late, f"the assistant hung up {seconds}"
        return False, f"the {stream.ended_by} ended the call {seconds}"

    def _silent(self, stream: StreamReport, ms: int, began_ms: int | None) -> tuple[bool, str]:
        if began_ms is None:
            return False, f"the call was over after {stream.duration_ms / 1000:.1f} s"
        loud = [each for each in stream.heard if each.end_ms > began_ms + _TAIL_MS and each.start_ms < began_ms + ms]
        if not loud:
            return True, "silence"
        said = " ".join(line.text for line in self._lines if line.start_ms < began_ms + ms and line.end_ms > began_ms)
        return False, said or "sound"

    def _refused(self, expected: Refused) -> tuple[bool, str]:
        stream = self._report.stream
        if stream is None:
            text = self._report.announcement
            if not text:
                return False, _problem(self._report)
        else:
            text = " ".join(line.text for line in self._lines)
            # A refusal on an open line is the only thing that is said, and then the line is closed.
            spoke = any(isinstance(action, Say | Play) for action in self._scenario.actions)
            late = stream.duration_ms > expected.within_ms + _TAIL_MS
            if stream.ended_by is not Ending.ASSISTANT or spoke or late:
                return False, f"the call was taken: {text}" if text else "the call was taken"
        return all(each.is_in(text) for each in expected.wanted), text
