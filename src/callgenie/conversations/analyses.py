"""Sums up calls that are over: what was said, who called, what they wanted.

The model that the owner has chosen for calls is asked, if it is a hosted one. Who has chosen the FAQ wants nothing to
leave the machine: those calls are summed up by rules.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

import structlog

from callgenie.conversations.analysis_rules import BY_RULES, findings_by_rules
from callgenie.conversations.analysis_store import AnalysisStore
from callgenie.conversations.follow_up_store import FollowUp
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


class CallAnalyses:
    """Works off the follow-up `analysis`.

    Args:
        analysts: The hosted models that owners can choose, by id.
        then: What follows an analysis, named in the write that keeps it.
        on_failure: Told the provider and the category of each failure.
    """

    def __init__(
        self,
        conversations: ConversationStore,
        analyses: AnalysisStore,
        profiles: Profiles,
        analysts: Mapping[str, CallAnalyst],
        *,
        then: Sequence[str],
        on_failure: Callable[[str, str], None],
    ) -> None:
        self._conversations = conversations
        self._analyses = analyses
        self._profiles = profiles
        self._analysts = analysts
        self._then = then
        self._on_failure = on_failure

    async def follow(self, follow_up: FollowUp) -> None:
        """Keep an analysis of a call that was answered; of one that has one already, or is gone, there is none to make.

        Raises:
            ProviderError: The model failed, and may yet be asked again.
        """
        named = follow_up.conversation
        if not named.was_held or named.analysis is not None:
            return
        conversation = await self._conversations.get(named.user_id, named.session_id)
        if conversation is None:
            return
        findings, state, by = await self._made(conversation, follow_up.attempts)
        await self._analyses.keep(conversation, findings, state, by, then=self._then)

    async def _made(self, conversation: Conversation, attempts: int) -> tuple[Findings, AnalysisState, str]:
        state = AnalysisState.DONE
        try:
            preferences = (await self._profiles.get(conversation.user_id)).preferences
        except NotFoundError:
            # The account is being erased, and this record with it.
            return findings_by_rules(conversation), state, BY_RULES
        analyst = self._analysts.get(preferences.ai_model)
        if analyst is not None and conversation.turns:
            try:
                findings = await self._asked(analyst, conversation, preferences.language)
            except ProviderError as error:
                self._on_failure(error.provider, error.category)
                if not error.permanent and attempts < ATTEMPTS_MAX:
                    raise
                state = AnalysisState.FAILED
                _log.warning(ANALYSIS_GIVEN_UP, session_id=conversation.session_id, category=error.category)
            else:
                return findings, state, preferences.ai_model
        return findings_by_rules(conversation), state, BY_RULES

    async def _asked(self, analyst: CallAnalyst, conversation: Conversation, language: str) -> Findings:
        try:
            async with asyncio.timeout(_SECONDS_MAX):
                return await analyst.analyse(transcript_of(conversation), language=language)
        except TimeoutError as error:
            raise ProviderError("analysis", "timeout", permanent=False) from error
