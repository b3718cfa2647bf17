"""HTTP: the questions of callers that were not answered."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Self, cast

from fastapi import APIRouter, Depends, Path, Query
from pydantic import Field
from starlette.requests import HTTPConnection

from callgenie.conversations.unanswered.errors import QuestionNotFoundError
from callgenie.conversations.unanswered.models import SESSIONS_SHOWN, UnansweredQuestion
from callgenie.conversations.unanswered.service import UnansweredQuestions
from callgenie.http.bodies import ApiModel, ApiView
from callgenie.http.pages import LIMIT_DEFAULT, InvalidCursorError, PageCursor, PageLimit, PageView
from callgenie.http.problems import problems
from callgenie.users.guards import CurrentUser

router = APIRouter(prefix="/api/user/unanswered-questions", tags=["unanswered questions"])


class UnansweredQuestionsQuery(ApiModel):
    """Which page of the list."""

    cursor: PageCursor | None = None
    limit: PageLimit = LIMIT_DEFAULT


class UnansweredQuestionView(ApiView):
    """A question that callers have asked and that was not answered."""

    id: str
    question: str = Field(description="In the words of the last caller who asked it.")
    count: int = Field(description="How often it was asked.")
    last_asked_at: datetime
    session_ids: list[str] = Field(
        description=f"The conversations in which it was asked, the newest first, at most {SESSIONS_SHOWN}."
    )

    @classmethod
    def of(cls, question: UnansweredQuestion) -> Self:
        """Show a question."""
        return cls(
            id=question.id,
            question=question.question,
            count=question.count,
            last_asked_at=question.last_asked_at,
            session_ids=list(question.session_ids),
        )


async def get_unanswered_questions(connection: HTTPConnection) -> UnansweredQuestions:
    """Return the service that the program was put together with."""
    return cast("UnansweredQuestions", connection.app.state.services.unanswered_questions)


UnansweredQuestionsDep = Annotated[UnansweredQuestions, Depends(get_unanswered_questions)]


@router.get("", responses=problems(InvalidCursorError))
async def list_unanswered_questions(
    user: CurrentUser, questions: UnansweredQuestionsDep, query: Annotated[UnansweredQuestionsQuery, Query()]
) -> PageView[UnansweredQuestionView]:
    """List the questions of callers that the assistant could not answer, the last asked first."""
    page = await questions.page(user.id, cursor=query.cursor, limit=query.limit)
    return PageView[UnansweredQuestionView].of(page, UnansweredQuestionView.of)


@router.delete("/{question_id}", status_code=HTTPStatus.NO_CONTENT, responses=problems(QuestionNotFoundError))
async def delete_unanswered_question(
    user: CurrentUser,
    questions: UnansweredQuestionsDep,
    question_id: Annotated[str, Path(description="The question's `id`.")],
) -> None:
    """Take a question off the list; it is back once a caller asks it again."""
    await questions.delete(user.id, question_id)
