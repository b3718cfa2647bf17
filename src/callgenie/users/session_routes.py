"""Where the signed-in user is signed in, over HTTP."""

from http import HTTPStatus
from typing import Annotated, cast

from fastapi import APIRouter, Depends, Query
from starlette.requests import HTTPConnection

from callgenie.http.pages import LIMIT_DEFAULT, CursorSigner, InvalidCursorError, PageCursor, PageLimit, PageView
from callgenie.http.problems import problems
from callgenie.users.errors import InvalidAccessTokenError, SessionNotFoundError
from callgenie.users.guards import CurrentSession, SessionsDep
from callgenie.users.recovery_schemas import ListedSessionView

router = APIRouter(prefix="/api/auth/sessions", tags=["auth"])


async def get_cursors(connection: HTTPConnection) -> CursorSigner:
    """Find what seals cursors."""
    return cast("CursorSigner", connection.app.state.services.cursors)


@router.get("", responses=problems(InvalidAccessTokenError, InvalidCursorError))
async def list_sessions(
    session: CurrentSession,
    sessions: SessionsDep,
    cursors: Annotated[CursorSigner, Depends(get_cursors)],
    limit: Annotated[PageLimit, Query()] = LIMIT_DEFAULT,
    cursor: Annotated[PageCursor | None, Query()] = None,
) -> PageView[ListedSessionView]:
    """List where the signed-in user is signed in, newest first."""
    page = await sessions.page(session, cursors, cursor=cursor, limit=limit)
    return PageView[ListedSessionView].of(page, ListedSessionView.of)


@router.delete(
    "/{session_id}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=problems(InvalidAccessTokenError, SessionNotFoundError),
)
async def end_session(session_id: str, session: CurrentSession, sessions: SessionsDep) -> None:
    """End one of the signed-in user's sessions; it may be the one that asks."""
    await sessions.end_of(session.user.id, session_id)
