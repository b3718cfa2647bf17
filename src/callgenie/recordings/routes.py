"""HTTP: recordings, for whoever holds a link."""

from http import HTTPStatus
from typing import Annotated, Any, Final, cast

from fastapi import APIRouter, Depends, Header, Path, Query, Response
from fastapi.responses import StreamingResponse
from starlette.requests import HTTPConnection

from callgenie.http.problems import problems
from callgenie.http.ranges import Playable
from callgenie.kernel.errors import RangeUnsatisfiableError
from callgenie.kernel.ids import SessionId, UserId
from callgenie.recordings.errors import (
    RecordingLinkInvalidError,
    RecordingNotFoundError,
    RecordingStoreUnavailableError,
)
from callgenie.recordings.links import RECORDINGS_PATH
from callgenie.recordings.player import WAV, Player

router = APIRouter(prefix=RECORDINGS_PATH, tags=["recordings"])

_SIGNATURE_CHARS_MAX: Final = 100
# The last second of the year 9999.
_EXPIRES_MAX: Final = 253_402_300_799

_SOUND: Final[dict[str, Any]] = {"content": {WAV: {"schema": {"type": "string", "format": "binary"}}}}
_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    int(HTTPStatus.OK): {**_SOUND, "description": "The whole recording: left the caller, right the assistant."},
    int(HTTPStatus.PARTIAL_CONTENT): {**_SOUND, "description": "The part that `Range` asked for."},
    **problems(
        RecordingLinkInvalidError, RecordingNotFoundError, RangeUnsatisfiableError, RecordingStoreUnavailableError
    ),
}


async def get_player(connection: HTTPConnection) -> Player:
    """Find the player."""
    return cast("Player", connection.app.state.services.recordings.player)


async def open_recording(
    player: Annotated[Player, Depends(get_player)],
    user_id: Annotated[str, Path(description="Whose call it is.")],
    session_id: Annotated[str, Path(description="The call's session id, percent-encoded.")],
    expires: Annotated[int, Query(ge=0, le=_EXPIRES_MAX, description="When the link ends, in seconds since 1970.")],
    signature: Annotated[str, Query(max_length=_SIGNATURE_CHARS_MAX, description="Signs the other three.")],
) -> Playable:
    """Open what the link leads to."""
    return await player.open(UserId(user_id), SessionId(session_id), expires=expires, signature=signature)


@router.get("/{user_id}/{session_id:path}", response_class=StreamingResponse, responses=_ANSWERS)
async def play_recording(
    recording: Annotated[Playable, Depends(open_recording)],
    asked: Annotated[str | None, Header(alias="Range")] = None,
    if_range: Annotated[str | None, Header()] = None,
) -> StreamingResponse:
    """Send a recording, or a part of it. A conversation's `audioUrl` leads here; it ends soon and needs no token."""
    return await recording.answer(asked, if_range)


@router.head("/{user_id}/{session_id:path}", response_class=Response, responses=_ANSWERS)
async def look_at_recording(recording: Annotated[Playable, Depends(open_recording)]) -> Response:
    """Say how long a recording is, and that it can be had in parts."""
    return recording.head()
