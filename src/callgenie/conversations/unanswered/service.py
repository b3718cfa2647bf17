"""The list of unanswered questions."""

from callgenie.conversations.unanswered.errors import QuestionNotFoundError
from callgenie.conversations.unanswered.models import UnansweredQuestion
from callgenie.conversations.unanswered.store import UnansweredQuestionStore
from callgenie.http.pages import LIMIT_DEFAULT, CursorSigner, Page, moment_and_id, position_at
from callgenie.kernel.ids import UserId


class UnansweredQuestions:
    """One list for each user."""

    def __init__(self, store: UnansweredQuestionStore, cursors: CursorSigner) -> None:
        self._store = store
        self._cursors = cursors

    async def page(
        self, user_id: UserId, *, cursor: str | None = None, limit: int = LIMIT_DEFAULT
    ) -> Page[UnansweredQuestion]:
        """Return questions, the last asked first.

        Raises:
            InvalidCursorError: The cursor was not made for this user's list.
        """
        bound_to = {"list": "unanswered-questions", "user": user_id}
        after = None if cursor is None else moment_and_id(self._cursors.open(cursor, bound_to))
        # One more than asked for tells whether there is another page.
        found = await self._store.page(user_id, after=after, limit=limit + 1)
        shown = found[:limit]
        if len(found) == len(shown):
            return Page(shown)
        return Page(shown, self._cursors.seal(position_at(shown[-1].last_asked_at, shown[-1].id), bound_to))

    async def delete(self, user_id: UserId, question_id: str) -> None:
        """Take a question off the list; it is back once a caller asks it again.

        Raises:
            QuestionNotFoundError: It is not on the list.
        """
        if not await self._store.delete(user_id, question_id):
            raise QuestionNotFoundError
