"""A call on a small carrier, with scripted providers, for tests that look at one session from outside."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from tests.support.fake_link import FakeLink

from callgenie.kernel.clock import LoopClock
from callgenie.kernel.vocabulary import TurnRole
from callgenie.voice.ports import Knowledge
from callgenie.voice.providers.scripted import Answer, scripted_providers
from callgenie.voice.script import Recollection, no_recollection
from callgenie.voice.session import CallScript, CallSession
from callgenie.voice.timings import Timings
from callgenie.voice.tools import Tool
from callgenie.voice.turn import SessionEnd, Turn

GREETING = "Hello, this is Bright Dental."  # 1.7 s of the scripted voice
HOURS = "We are open from nine to five. On Saturday we close at two. On Sunday we are closed."
ANSWERS = {"open": HOURS, "park": "Yes, behind the house."}


class Notebook:
    """Writes down the turns that it is told."""

    def __init__(self) -> None:
        self.turns: list[Turn] = []
        self.at: list[float] = []

    async def turn_finished(self, turn: Turn) -> None:
        self.turns.append(turn)
        self.at.append(asyncio.get_running_loop().time())


class HeldCall:
    """A session that runs, and the carrier's end of it."""

    def __init__(
        self, link: FakeLink, session: CallSession, notebook: Notebook, running: asyncio.Task[SessionEnd]
    ) -> None:
        self.link = link
        self.session = session
        self.notebook = notebook
        self.running = running

    async def ended(self) -> SessionEnd:
        return await self.running

    @property
    def said(self) -> list[tuple[str, str]]:
        return [(turn.role.value, turn.text) for turn in self.notebook.turns]

    def turns(self, role: TurnRole) -> list[Turn]:
        return [turn for turn in self.notebook.turns if turn.role is role]


@asynccontextmanager
async def held_call(
    texts: Sequence[str] = (),
    answers: Mapping[str, Answer] = ANSWERS,
    *,
    link: FakeLink | None = None,
    listener: Any = None,
    timings: Timings | None = None,
    max_seconds: int = 600,
    tools: Sequence[Tool] = (),
    recall: Callable[[], Awaitable[Recollection]] = no_recollection,
    **providers: Any,
) -> AsyncIterator[HeldCall]:
    """Hold a call in which the caller's utterances mean `texts`; `providers` replaces single ones.

    On the way out the caller hangs up if the call still runs.
    """
    async with link or FakeLink(delay=0.03) as line:
        notebook = listener or Notebook()
        session = CallSession(
            line,
            replace(scripted_providers(texts, answers), **providers),
            CallScript(GREETING, Knowledge("SAATHI", "Bright Dental"), "en", max_seconds, tuple(tools), recall),
            notebook,
            LoopClock(datetime(2026, 1, 5, 9, 0, tzinfo=UTC)),
            timings or Timings(),
        )
        running = asyncio.get_running_loop().create_task(session.run())
        call = HeldCall(line, session, notebook, running)
        try:
            yield call
        finally:
            line.hangs_up()
            await running
