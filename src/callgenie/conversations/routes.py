"""HTTP: a user's conversations."""

from http import HTTPStatus
from typing import Annotated, cast

from fastapi import APIRouter, Depends, Path, Query, Response
from starlette.requests import HTTPConnection

from callgenie.conversations.errors import (
    ConversationFullError,
    ConversationNotFoundError,
    InvalidExchangeError,
    SessionConflictError,
)
from callgenie.conversations.schemas import (
    ConversationItem,
    ConversationQuery,
    ConversationView,
    ExchangeBody,
    SavedExchangeView,
)
from callgenie.conversations.service import ConversationService
from callgenie.http.pages import InvalidCursorError, PageView
from callgenie.http.problems import problems
from callgenie.kernel.ids import SessionId
from callgenie.users.guards import CurrentUser

router = APIRouter(prefix="/api/user/conversations", tags=["conversations"])


async def get_conversations(request: HTTPConnection) -> ConversationService:
    """Return the service that the program was put together with."""
    return cast("ConversationService", request.app.state.services.conversations)


ConversationsDep = Annotated[ConversationService, Depends(get_conversations)]


@router.get("", responses=problems(InvalidCursorError))
async def list_conversations(
    user: CurrentUser, conversations: ConversationsDep, query: Annotated[ConversationQuery, Query()]
) -> PageView[ConversationItem]:
    """List the user's conversations, newest first."""
    page = await conversations.page(user.id, query.filters(), cursor=query.cursor, limit=query.limit)
    return PageView[ConversationItem](
        data=[ConversationItem.of(conversation) for conversation in page.items],
        has_more=page.next_cursor is not None,
        next_cursor=page.next_cursor,
    )


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    responses={
        int(HTTPStatus.OK): {"model": SavedExchangeView, "description": "Added to a conversation that was there."},
        **problems(SessionConflictError, ConversationFullError, InvalidExchangeError),
    },
)
async def save_exchange(
    body: ExchangeBody, user: CurrentUser, conversations: ConversationsDep, response: Response
) -> SavedExchangeView:
    """Record one exchange of a call held elsewhere; `completed` with a `duration` settles the call's usage, once."""
    saved = await conversations.save_exchange(user.id, body.exchange())
    response.status_code = HTTPStatus.CREATED if saved.created else HTTPStatus.OK
    return SavedExchangeView.of(saved)


# Session ids come from outside and may hold anything, slashes too. This takes every path that is left, so it stays
# the last: what is declared after it can never be reached.
@router.get("/{session_id:path}", responses=problems(ConversationNotFoundError))
async def show_conversation(
    user: CurrentUser,
    conversations: ConversationsDep,
    session_id: Annotated[str, Path(description="As it was recorded, percent-encoded.")],
) -> ConversationView:
    """Show a whole conversation."""
    return ConversationView.of(await conversations.get(user.id, SessionId(session_id)))
