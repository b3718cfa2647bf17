"""What an answer may rely on, and the check of a sentence against it."""

import asyncio
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Protocol

from callgenie.kernel.vocabulary import TurnRole
from callgenie.voice.figures.known import KnownFigures, contacts_in, learn
from callgenie.voice.figures.reading import figures_in
from callgenie.voice.figures.units import MONTHS
from callgenie.voice.ports import Knowledge, Message
from callgenie.voice.tool_names import is_error

_CONTACT: Final = "contact"

# "Nine." answers a question about hours; "one moment" promises nothing.
_WORDS_OF_A_BARE_ANSWER: Final = 1

_AROUND_THE_CLOCK: Final = "24 hours a day, 24/7"

# Three milliseconds; calls that share the loop wait for so long.
_TEXTS_AT_ONCE: Final = 8

# Of so many days everybody knows the date who knows that of today.
_DAYS_KNOWN: Final = 7
_MONTH_NAMES: Final = [name for name in MONTHS if len(name) > len("jan") or name == "may"]
_TODAY: Final = re.compile(r"([A-Z][a-z]+) (\d{1,2}), (\d{4})")


@dataclass(frozen=True, slots=True)
class Facts:
    """What an answer may rely on.

    Attributes:
        known: What the owner has written, the calendar, and the results of tools in this call.
        said: The caller's words, the newest last.
    """

    known: tuple[str, ...]
    said: tuple[str, ...]


class FactCheck(Protocol):
    """Decides whether the facts support a sentence."""

    async def prepare(self, facts: Facts) -> None:
        """Compute what is needed of the facts of a call, while the caller is greeted."""
        ...

    async def unsupported(self, sentence: str, facts: Facts) -> Sequence[str]:
        """Return the kinds of what `sentence` says and `facts` do not; nothing if it may be spoken."""
        ...


class FigureCheck:
    """Checks numbers and addresses, by value. It cannot tell what a number is of, nor a yes from a no."""

    async def prepare(self, facts: Facts) -> None:
        """Find the numbers of the facts, some at a time: a long FAQ takes a tenth of a second."""
        for number, text in enumerate(facts.known):
            learn(text)
            if number % _TEXTS_AT_ONCE == 0:
                await asyncio.sleep(0)

    async def unsupported(self, sentence: str, facts: Facts) -> Sequence[str]:
        """Return the kinds of the numbers in `sentence` that are not in the facts."""
        figures, contacts = figures_in(sentence), list(contacts_in(sentence))
        is_bare = len(sentence.split()) <= _WORDS_OF_A_BARE_ANSWER
        figures = [figure for figure in figures if figure.means_something or is_bare]
        if not figures and not contacts:
            return ()
        await self.prepare(facts)
        known = KnownFigures(facts.known, facts.said)
        wrong = [figure.kind.value for figure in figures if not known.supports(figure)]
        return [*wrong, *(_CONTACT for contact in contacts if not known.supports_contact(contact))]


def facts_of(messages: Sequence[Message], knowledge: Knowledge) -> Facts:
    """Return what the answer to the last message may rely on."""
    return Facts(
        known=tuple(text for text in _known(messages, knowledge) if text),
        said=tuple(message.text for message in messages if message.role is TurnRole.USER),
    )


def _known(messages: Sequence[Message], knowledge: Knowledge) -> Iterator[str]:
    yield from (knowledge.company, knowledge.assistant_name, knowledge.hours, knowledge.opening_state)
    yield from (knowledge.instructions, knowledge.purpose, knowledge.caller_name, knowledge.memory)
    yield from (knowledge.local_time, *_days_after(knowledge.local_time))
    yield from (knowledge.caller_number, _AROUND_THE_CLOCK if "around the clock" in knowledge.hours else "")
    for person in knowledge.people:
        yield from (person.name, person.role)
    for entry in knowledge.questions:
        yield from (entry.question, entry.answer)
    has_spoken = False
    for message in messages:
        has_spoken = has_spoken or message.role is TurnRole.USER
        is_greeting = message.role is TurnRole.ASSISTANT and not has_spoken
        if is_greeting or (message.role is TurnRole.TOOL and not is_error(message.text)):
            yield message.text


def _days_after(local_time: str) -> Iterator[str]:
    """Yield the dates of the next days, by the date in `local_time`."""
    found = _TODAY.search(local_time)
    if found is None or found[1].lower() not in MONTHS:
        return
    today = date(int(found[3]), MONTHS[found[1].lower()], int(found[2]))
    for ahead in range(1, _DAYS_KNOWN + 1):
        day = today + timedelta(days=ahead)
        yield f"{_MONTH_NAMES[day.month - 1].capitalize()} {day.day}"
