"""Lists the unanswered questions of a conversation, and takes those of a deleted one off the list."""

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Protocol

from callgenie.conversations.asked_questions import QuestionState, questions_in
from callgenie.conversations.follow_up_store import FollowUp
from callgenie.conversations.models import Conversation
from callgenie.conversations.unanswered.models import QUESTION_CHARS_MAX, Asking
from callgenie.conversations.unanswered.store import UnansweredQuestionStore
from callgenie.mail.rendering import one_line


class Conversations(Protocol):
    """Reads conversations; `conversations.store.ConversationStore` is one."""

    def whole_of_any_user(self, conversation_ids: Sequence[str]) -> AsyncIterator[Conversation]:
        """Yield conversations of whichever users with all their turns, those that are still there."""
        ...


class UnansweredQuestionsHandler:
    """Works off the follow-up `unanswered-questions`."""

    def __init__(self, conversations: Conversations, questions: UnansweredQuestionStore) -> None:
        self._conversations = conversations
        self._questions = questions

    async def follow(self, follow_ups: Sequence[FollowUp]) -> None:
        """List the questions of each conversation that were not answered; of a deleted one none stays listed.

        A conversation that is deleted while this runs is followed up once more, after its deletion.
        """
        calls = {follow_up.conversation.id: follow_up.conversation for follow_up in follow_ups}
        async for whole in self._conversations.whole_of_any_user(list(calls)):
            del calls[whole.id]
            for asking in _askings_in(whole):
                await self._questions.add(whole.user_id, asking)
        for deleted in calls.values():
            await self._questions.forget(deleted.user_id, deleted.session_id)


def _askings_in(conversation: Conversation) -> Iterator[Asking]:
    for question in questions_in(conversation.turns):
        if question.is_reported and question.state is QuestionState.NOT_ANSWERED:
            turn = question.turn
            yield Asking(conversation.session_id, turn.number, turn.at, one_line(turn.text, QUESTION_CHARS_MAX))
