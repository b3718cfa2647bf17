"""Sums up calls that are over: what was said, who called, what they wanted.

The model that the owner has chosen for calls is asked, if it is a hosted one. Who has chosen the FAQ wants nothing to
leave the machine: those calls are summed up by rules.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from callgenie.conversations.analysis_rules import BY_RULES, findings_by_rules
from callgenie.conversations.analysis_store import AnalysisStore, NewAnalysis
from callgenie.conversations.follow_up_plan import MODEL_ANALYSIS, FollowUpPlan
from callgenie.conversations.follow_up_store import FollowUp, FollowUpStore
from callgenie.conversations.models import AnalysisState, Conversation
from callgenie.conversations.store import ConversationStore
from callgenie.conversations.transcripts import transcript_of
from callgenie.kernel.errors import NotFoundError
from callgenie.kernel.ids import UserId
from callgenie.profiles.models import Profile
from callgenie.voice.analyst import CallAnalyst, Findings
from callgenie.voice.ports import ProviderError

_log = structlog.get_logger(__name__)

ANALYSIS_GIVEN_UP: Final = "analysis.given_up"

# With the pauses between what follows calls, a vendor that is back after a quarter of an hour has missed nothing.
ATTEMPTS_MAX: Final = 10

# Nobody waits for it, and a model that thinks for longer is stuck.
_SECONDS_MAX: Final = 60.0


class Profiles(Protocol):
    """Where profiles are found."""

    async def get(self, user_id: UserId) -> Profile:
        """Return the user's profile."""
        ...


@dataclass(frozen=True, slots=True)
class AnalysisParts:
    """What analyses take. `analysts` are the hosted models that owners can choose, by id."""

    conversations: ConversationStore
    analyses: AnalysisStore
    profiles: Profiles
    analysts: Mapping[str, CallAnalyst]
    plan: FollowUpPlan


class CallAnalyses:
    """Works off the follow-up `analysis`: by rules, or by passing it on to `ModelAnalyses`."""

    def __init__(self, parts: AnalysisParts, follow_ups: FollowUpStore) -> None:
        self._parts = parts
        self._follow_ups = follow_ups

    async def follow(self, follow_ups: Sequence[FollowUp]) -> None:
        """Keep an analysis of each call that was answered and has none; one that is gone has none to make."""
        due = [follow_up for follow_up in follow_ups if _is_to_be_made(follow_up)]
        users = {follow_up.conversation.user_id for follow_up in due}
        hosted = {user_id for user_id in users if await _chosen(self._parts, user_id) is not None}
        by_model = [follow_up for follow_up in due if follow_up.conversation.user_id in hosted]
        if await self._follow_ups.pass_on(by_model, MODEL_ANALYSIS):
            self._parts.plan.named.set()
        then = await self._parts.plan.after_analysis(users - hosted)
        ids = [call.id for call in (follow_up.conversation for follow_up in due) if call.user_id not in hosted]
        # One after the other, so that not all of what was said in them is in memory at once.
        made = [
            _by_rules(call, AnalysisState.DONE, then[call.user_id])
            async for call in self._parts.conversations.whole_of_any_user(ids)
        ]
        await _keep(self._parts, made)


class ModelAnalyses:
    """Works off the follow-up `analysis-by-model`, one call after the other.

    Args:
        parts: What analyses take.
        on_failure: Told the provider and the category of each failure.
    """

    def __init__(self, parts: AnalysisParts, on_failure: Callable[[str, str], None]) -> None:
        self._parts = parts
        self._on_failure = on_failure

    async def follow(self, follow_ups: Sequence[FollowUp]) -> None:
        """Keep an analysis of each call that was answered and has none; one that is gone has none to make.

        Raises:
            ProviderError: The model failed, and may yet be asked again.
        """
        for follow_up in filter(_is_to_be_made, follow_ups):
            named = follow_up.conversation
            call = await self._parts.conversations.get(named.user_id, named.session_id)
            if call is None:
                continue
            then = (await self._parts.plan.after_analysis([call.user_id]))[call.user_id]
            await _keep(self._parts, [await self._made(call, follow_up.attempts, then)])

    async def _made(self, call: Conversation, attempts: int, then: Sequence[str]) -> NewAnalysis:
        chosen = await _chosen(self._parts, call.user_id)
        if chosen is None or not call.turns:
            return _by_rules(call, AnalysisState.DONE, then)
        try:
            findings = await self._asked(chosen, call)
        except ProviderError as error:
            self._on_failure(error.provider, error.category)
            if not error.permanent and attempts < ATTEMPTS_MAX:
                raise
            _log.warning(ANALYSIS_GIVEN_UP, session_id=call.session_id, category=error.category)
            return _by_rules(call, AnalysisState.FAILED, then)
        return NewAnalysis(call.user_id, call.session_id, findings, AnalysisState.DONE, chosen.model, then)

    async def _asked(self, chosen: "_Chosen", call: Conversation) -> Findings:
        try:
            async with asyncio.timeout(_SECONDS_MAX):
                return await chosen.analyst.analyse(transcript_of(call), language=chosen.language)
        except TimeoutError as error:
            raise ProviderError("analysis", "timeout", permanent=False) from error


@dataclass(frozen=True, slots=True)
class _Chosen:
    """A hosted model that an owner has chosen, and the language that it is to write in."""

    model: str
    analyst: CallAnalyst
    language: str


async def _chosen(parts: AnalysisParts, user_id: UserId) -> _Chosen | None:
    """Return the hosted model that an owner has chosen; None for the FAQ."""
    if not parts.analysts:
        return None
    try:
        preferences = (await parts.profiles.get(user_id)).preferences
    except NotFoundError:
        # The account is being erased, and its calls with it.
        return None
    analyst = parts.analysts.get(preferences.ai_model)
    return None if analyst is None else _Chosen(preferences.ai_model, analyst, preferences.language)


async def _keep(parts: AnalysisParts, made: Sequence[NewAnalysis]) -> None:
    if await parts.analyses.keep(made) and any(analysis.then for analysis in made):
        parts.plan.named.set()


def _is_to_be_made(follow_up: FollowUp) -> bool:
    call = follow_up.conversation
    return call.was_held and call.analysis is None


def _by_rules(call: Conversation, state: AnalysisState, then: Sequence[str]) -> NewAnalysis:
    return NewAnalysis(call.user_id, call.session_id, findings_by_rules(call), state, BY_RULES, then)
