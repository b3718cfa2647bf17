"""`callgenie ask`: the assistant's answers to what callers may say, by text."""

import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

import typer
from pydantic import ValidationError
from rich.markup import escape

from callgenie.calls.ask.conversation import text_conversation
from callgenie.cli.terminal import EXIT_CODES, err
from callgenie.kernel.clock import SystemClock
from callgenie.kernel.errors import DomainError
from callgenie.profiles.models import Business, Preferences
from callgenie.profiles.schemas import BusinessBody
from callgenie.understanding.reader import UtteranceReader
from callgenie.voice.guarded import ProviderFailedError
from callgenie.voice.ports import LanguageModel
from callgenie.voice.providers.faq import FaqModel
from callgenie.voice.providers.workers import compute_in_one_thread
from callgenie.voice.text_conversation import CONFIDENCE_DIGITS, Reply, TextConversation

# See sysexits.h: wrong usage, wrong data, a file that cannot be read, something that cannot be had now.
_EXIT_USAGE: Final = 2
_EXIT_DATA: Final = 65
_EXIT_NO_INPUT: Final = 66
_EXIT_UNAVAILABLE: Final = 69

_FAULTS_SHOWN: Final = 20
# As much as a call takes of one utterance.
_CHARACTERS_MAX: Final = 8_000

_AN_EXAMPLE: Final = '{"company": "Harbour Bakery", "faq": [{"question": "Is there parking?", "answer": "Yes."}]}'


def ask(
    business: Annotated[
        Path, typer.Option(help="The business, a JSON file: the `business` of GET /api/user/profile.", dir_okay=False)
    ],
    now: Annotated[
        str | None,
        typer.Option(
            help="Answer as at this time, in ISO 8601 such as 2026-12-02T10:30:00Z; without an offset it is the local"
            " time of the business.",
        ),
    ] = None,
    conversation: Annotated[
        bool, typer.Option("--conversation", help="Take all lines as one conversation, not each as a call's first.")
    ] = False,
) -> None:
    """Read what callers may say, one utterance a line, and print what the assistant answers, one JSON object a line.

    Each object holds utterance, reply, outcome (answered, asked_back, passed_on, hours, courtesy, message, person,
    goodbye or other), entry (the index in `faq` of the entry told or asked back about, else null) and confidence (0 to
    1, of the outcome). Only the embedded model answers; it needs no database and no network, and nothing is kept.

    Exits with 65 when the file is no valid business, 66 when it cannot be read, 69 when the model is not installed.

    Examples: echo "is there parking" | callgenie ask --business bakery.json;
    callgenie ask --business bakery.json --conversation;
    callgenie ask --business bakery.json --now 2026-12-25T10:00:00Z < questions.txt
    """
    known = _read(business)
    clock = SystemClock() if now is None else _StoppedClock(_moment(now, known))
    with _failures_told():
        model = _load()
        with asyncio.Runner() as runner:
            talk = _Talk(known, model, clock)
            runner.run(talk.prepare())
            for line in _lines():
                if not conversation:
                    talk.start_over()
                # Reading blocks, so it is done while no event loop runs: Ctrl-C ends it at once.
                reply = runner.run(talk.reply(line))
                typer.echo(_shown(line, reply))


@dataclass(frozen=True, slots=True)
class _StoppedClock(SystemClock):
    at: datetime

    def now(self) -> datetime:
        return self.at


class _Talk:
    """The conversation in progress."""

    def __init__(self, business: Business, model: LanguageModel, clock: SystemClock) -> None:
        self._business = business
        self._model = model
        self._clock = clock
        self._conversation = self._begun()

    async def prepare(self) -> None:
        """Load what the model computes of the business once."""
        await self._conversation.prepare()

    def start_over(self) -> None:
        """Begin a new conversation."""
        self._conversation = self._begun()

    async def reply(self, said: str) -> Reply:
        """Return the answer to an utterance."""
        return await self._conversation.reply(said[:_CHARACTERS_MAX])

    def _begun(self) -> TextConversation:
        return text_conversation(self._business, Preferences(), self._model, self._clock)


def _load() -> LanguageModel:
    compute_in_one_thread()
    return FaqModel(UtteranceReader())


def _lines() -> Iterator[str]:
    """Yield utterances as they come in, without blank lines; whoever types them gets a prompt."""
    typed = sys.stdin.isatty()
    if typed:
        err.print("Type what a caller would say, then Enter. Ctrl-D ends.", style="dim")
    while True:
        if typed:
            err.print("> ", end="", style="dim")
        line = sys.stdin.buffer.readline()
        if not line:
            return
        text = line.decode("utf-8", "replace").strip()
        if text:
            yield text


def _shown(said: str, reply: Reply) -> str:
    shown = {
        "utterance": said,
        "reply": reply.text,
        "outcome": reply.outcome.value,
        "entry": reply.entry,
        "confidence": round(reply.confidence, CONFIDENCE_DIGITS),
    }
    return json.dumps(shown, ensure_ascii=False)


def _read(path: Path) -> Business:
    """Return the business in a file; a file that holds none ends the program."""
    try:
        content: Any = json.loads(path.read_bytes())
    except OSError as error:
        raise _refused(f"{path} cannot be read: {error.strerror or error}.", _EXIT_NO_INPUT) from None
    except (ValueError, RecursionError) as error:
        raise _refused(
            f"{path} is no JSON: {error}. It must hold an object such as {_AN_EXAMPLE}", _EXIT_DATA
        ) from None
    if not isinstance(content, dict):
        raise _refused(f"{path} does not hold a JSON object such as {_AN_EXAMPLE}", _EXIT_DATA)
    try:
        body = BusinessBody.model_validate(content)
    except ValidationError as error:
        raise _invalid(path, error) from None
    return replace(Business(), **body.changes())


def _moment(text: str, business: Business) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        refusal = f"--now takes a time in ISO 8601, such as 2026-12-02T10:30:00Z, not {text!r}."
        raise _refused(refusal, _EXIT_USAGE) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(business.timezone))).astimezone(UTC)


def _refused(sentence: str, code: int) -> typer.Exit:
    err.print("Error:", style="red", end=" ")
    err.print(sentence, markup=False)
    return typer.Exit(code)


def _invalid(path: Path, error: ValidationError) -> typer.Exit:
    # The framework of the API comes along with this, which only a file with faults is worth.
    from callgenie.http.problems import faults_of  # noqa: PLC0415 - see above

    faults = faults_of(error.errors(include_url=False, include_input=False))
    refused = _refused(f"{path} does not hold the `business` object of the API.", _EXIT_DATA)
    for fault in faults[:_FAULTS_SHOWN]:
        message = fault.message.replace("of this request", "of a business")
        err.print(f"  [bold]{escape(fault.field)}[/bold] {escape(message)}")
    if len(faults) > _FAULTS_SHOWN:
        err.print(f"  and {len(faults) - _FAULTS_SHOWN} more")
    return refused


@contextmanager
def _failures_told() -> Iterator[None]:
    """End the program with a sentence and an exit code where something is missing or fails."""
    try:
        yield
    except DomainError as refusal:
        raise _refused(refusal.detail, EXIT_CODES.get(refusal.kind, 1)) from None
    except ProviderFailedError as failure:
        raise _refused(f"The model gave no answer: {failure}.", _EXIT_UNAVAILABLE) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
