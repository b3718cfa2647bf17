"""HTTP: an owner's questions to their assistant, by text."""

from typing import Annotated, Final, Self, cast

from fastapi import APIRouter, Depends, Request
from pydantic import AfterValidator, Field, StringConstraints
from starlette.requests import HTTPConnection

from callgenie.calls.ask.errors import (
    AssistantBusyError,
    AssistantUnavailableError,
    TextConversationBusyError,
    TextConversationNotFoundError,
)
from callgenie.calls.ask.service import Asked, AssistantByText
from callgenie.calls.ask.store import STORED_FOR
from callgenie.http.bodies import ApiModel, ApiView
from callgenie.http.idempotency import keep_answer_for
from callgenie.http.problems import problems
from callgenie.kernel.vocabulary import Outcome
from callgenie.users.guards import AssistantAsker
from callgenie.voice.text_conversation import CONFIDENCE_DIGITS

router = APIRouter(prefix="/api/user/assistant", tags=["assistant"])

TEXT_CHARS_MAX: Final = 1_000


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    if not line:
        raise ValueError("must not be blank")
    return line


class AskBody(ApiModel):
    """A question as a caller would ask it."""

    text: Annotated[str, StringConstraints(max_length=TEXT_CHARS_MAX), AfterValidator(_one_line)] = Field(
        examples=["Is there parking?"]
    )
    conversation_id: Annotated[str, StringConstraints(max_length=100)] | None = Field(
        default=None, description="Of the answer before, to go on with that conversation; null begins a new one."
    )


class AnswerView(ApiView):
    """The assistant's answer, and its result for the caller."""

    reply: str
    outcome: Outcome
    entry: int | None = Field(description="Index in `business.faq` of the entry that was told or asked back about.")
    confidence: float = Field(description="Of the outcome, 0 to 1.", ge=0, le=1)
    conversation_id: str = Field(description="Good for less than an hour.")

    @classmethod
    def of(cls, asked: Asked) -> Self:
        """Show an answer."""
        reply = asked.reply
        return cls(
            reply=reply.text,
            outcome=reply.outcome,
            entry=reply.entry,
            confidence=round(reply.confidence, CONFIDENCE_DIGITS),
            conversation_id=asked.conversation_id,
        )


async def get_assistant_by_text(connection: HTTPConnection) -> AssistantByText:
    """Return the service that the program was put together with."""
    return cast("AssistantByText", connection.app.state.services.assistant_by_text)


AssistantByTextDep = Annotated[AssistantByText, Depends(get_assistant_by_text)]
_REFUSALS: Final = problems(
    TextConversationNotFoundError, TextConversationBusyError, AssistantBusyError, AssistantUnavailableError
)


@router.post("/ask", responses=_REFUSALS)
async def ask_assistant(
    body: AskBody, user: AssistantAsker, assistant: AssistantByTextDep, request: Request
) -> AnswerView:
    """Ask the assistant of one's own business as a caller would. Nothing is counted, and nothing is stored for an hour.

    It answers as in the opening hours, with the model of the preferences. Messages are not stored, and nobody is
    called. A machine needs an API key of scope `assistant:ask`.
    """
    keep_answer_for(request, STORED_FOR)
    return AnswerView.of(await assistant.ask(user.id, body.text, body.conversation_id))
