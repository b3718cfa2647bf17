"""HTTP: a user's calls in progress."""

from http import HTTPStatus
from typing import Annotated, Any, Final, cast

from fastapi import APIRouter, Depends, Path, Query, Response
from starlette.requests import HTTPConnection

from callgenie.calls.errors import CallNotFoundError
from callgenie.calls.ongoing import OngoingCalls
from callgenie.calls.ongoing_schemas import OngoingCallView, OngoingQuery
from callgenie.http.pages import InvalidCursorError, PageView
from callgenie.http.problems import problems
from callgenie.kernel.ids import SessionId
from callgenie.users.guards import CallsWriter, ConversationsReader

router = APIRouter(prefix="/api/user/calls", tags=["calls"])


async def get_ongoing_calls(connection: HTTPConnection) -> OngoingCalls:
    """Return the service that the program was put together with."""
    return cast("OngoingCalls", connection.app.state.services.ongoing_calls)


OngoingCallsDep = Annotated[OngoingCalls, Depends(get_ongoing_calls)]

_ON_ITS_WAY: Final[dict[int | str, dict[str, Any]]] = {
    int(HTTPStatus.ACCEPTED): {"description": "Asked for; the process that holds the call ends it within seconds."}
}


@router.get("", responses=problems(InvalidCursorError))
async def list_calls_in_progress(
    user: ConversationsReader, calls: OngoingCallsDep, query: Annotated[OngoingQuery, Query()]
) -> PageView[OngoingCallView]:
    """List the user's calls that ring or go on, newest first, in whichever process."""
    page = await calls.page(user.id, cursor=query.cursor, limit=query.limit)
    return PageView[OngoingCallView].of(page, OngoingCallView.of)


# A session id may hold anything, slashes too.
@router.delete(
    "/{session_id:path}",
    status_code=HTTPStatus.NO_CONTENT,
    response_class=Response,
    responses=_ON_ITS_WAY | problems(CallNotFoundError),
)
async def hang_up(
    user: CallsWriter,
    calls: OngoingCallsDep,
    session_id: Annotated[str, Path(description="The call's, percent-encoded.")],
) -> Response:
    """Hang up a call: 204 when it is over, 202 when that takes a moment longer.

    A machine needs an API key of scope `calls:write`.
    """
    is_over = await calls.hang_up(user.id, SessionId(session_id))
    return Response(status_code=HTTPStatus.NO_CONTENT if is_over else HTTPStatus.ACCEPTED)
