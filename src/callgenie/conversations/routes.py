"""HTTP: a user's conversations."""

from http import HTTPStatus
from typing import Annotated, Any, Final, cast

from fastapi import APIRouter, Depends, Path, Query, Response
from fastapi.responses import StreamingResponse
from starlette.requests import HTTPConnection

from callgenie.conversations.daily import DailyUsageReader
from callgenie.conversations.daily_schemas import DailyQuery, DailyUsageView
from callgenie.conversations.errors import (
    CallInProgressError,
    ConversationFullError,
    ConversationNotFoundError,
    InvalidExchangeError,
    SessionConflictError,
)
from callgenie.conversations.exports import csv_of, json_lines_of
from callgenie.conversations.schemas import (
    ConversationItem,
    ConversationQuery,
    ConversationView,
    ExchangeBody,
    ExportQuery,
    SavedExchangeView,
)
from callgenie.conversations.service import ConversationService
from callgenie.http.downloads import CSV, JSON_LINES, download
from callgenie.http.pages import InvalidCursorError, PageView
from callgenie.http.problems import problems
from callgenie.kernel.ids import SessionId
from callgenie.recordings.links import RecordingLinks
from callgenie.users.guards import ConversationsReader, ConversationsWriter, CurrentUser, UsageReader

router = APIRouter(prefix="/api/user/conversations", tags=["conversations"])
usage_router = APIRouter(prefix="/api/user/usage", tags=["usage"])


async def get_conversations(request: HTTPConnection) -> ConversationService:
    """Return the service that the program was put together with."""
    return cast("ConversationService", request.app.state.services.conversations)


async def get_daily_usage(request: HTTPConnection) -> DailyUsageReader:
    """Return the reader that the program was put together with."""
    return cast("DailyUsageReader", request.app.state.services.daily_usage)


async def get_recording_links(request: HTTPConnection) -> RecordingLinks:
    """Return the links that the program was put together with."""
    return cast("RecordingLinks", request.app.state.services.recordings.links)


RecordingLinksDep = Annotated[RecordingLinks, Depends(get_recording_links)]
ConversationsDep = Annotated[ConversationService, Depends(get_conversations)]
DailyUsageDep = Annotated[DailyUsageReader, Depends(get_daily_usage)]

_FILES: Final[dict[int | str, dict[str, Any]]] = {
    int(HTTPStatus.OK): {
        "content": {CSV: {"schema": {"type": "string"}}, JSON_LINES: {"schema": {"type": "string"}}},
        "description": "A file.",
    },
    **problems(),
}


@router.get("", responses=problems(InvalidCursorError))
async def list_conversations(
    user: ConversationsReader,
    conversations: ConversationsDep,
    links: RecordingLinksDep,
    query: Annotated[ConversationQuery, Query()],
) -> PageView[ConversationItem]:
    """List the user's conversations, newest first; where they were recorded here, with links that soon end."""
    page = await conversations.page(user.id, query.filters(), cursor=query.cursor, limit=query.limit)
    return PageView[ConversationItem].of(page, lambda conversation: ConversationItem.of(conversation, links))


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    responses={
        int(HTTPStatus.OK): {"model": SavedExchangeView, "description": "Added to a conversation that was there."},
        **problems(SessionConflictError, ConversationFullError, InvalidExchangeError),
    },
)
async def save_exchange(
    body: ExchangeBody, user: ConversationsWriter, conversations: ConversationsDep, response: Response
) -> SavedExchangeView:
    """Record one exchange of a call held elsewhere; `completed` with a `duration` settles the call's usage, once."""
    saved = await conversations.save_exchange(user.id, body.exchange())
    response.status_code = HTTPStatus.CREATED if saved.created else HTTPStatus.OK
    return SavedExchangeView.of(saved)


@router.get("/export", response_class=StreamingResponse, responses=_FILES)
async def export_conversations(
    user: ConversationsReader, conversations: ConversationsDep, query: Annotated[ExportQuery, Query()]
) -> StreamingResponse:
    """Send the conversations that fit as a file, newest first."""
    if query.format == "csv":
        rows = csv_of(conversations.stream(user.id, query.filters(), whole=False))
        return await download(rows, file_name="conversations.csv", media_type=CSV)
    lines = json_lines_of(conversations.stream(user.id, query.filters(), whole=True))
    return await download(lines, file_name="conversations.jsonl", media_type=JSON_LINES)


# Session ids come from outside and may hold anything, slashes too. These take every path that is left, so they stay
# the last: what is declared after them can never be reached.
@router.get("/{session_id:path}", responses=problems(ConversationNotFoundError))
async def show_conversation(
    user: ConversationsReader,
    conversations: ConversationsDep,
    links: RecordingLinksDep,
    session_id: Annotated[str, Path(description="As it was recorded, percent-encoded.")],
) -> ConversationView:
    """Show a whole conversation; where it was recorded here, with a link to the recording that soon ends."""
    found = await conversations.get(user.id, SessionId(session_id))
    return ConversationView.of(found, links)


@router.delete(
    "/{session_id:path}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=problems(ConversationNotFoundError, CallInProgressError),
)
async def delete_conversation(
    user: CurrentUser,
    conversations: ConversationsDep,
    session_id: Annotated[str, Path(description="As it was recorded, percent-encoded.")],
) -> None:
    """Delete a conversation for good; usage is unchanged."""
    await conversations.delete(user.id, SessionId(session_id))


@usage_router.get("/daily")
async def show_daily_usage(
    user: UsageReader, usage: DailyUsageDep, query: Annotated[DailyQuery, Query()]
) -> DailyUsageView:
    """Show what came of the calls of the last days."""
    return DailyUsageView.of(await usage.last_days(user.id, query.days))
