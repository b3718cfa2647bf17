"""HTTP: the numbers that a user's assistant must not call."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Final, Self, cast

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import Field, StringConstraints
from starlette.requests import HTTPConnection

from callgenie.http.bodies import ApiModel, ApiView
from callgenie.http.pages import LIMIT_DEFAULT, InvalidCursorError, PageCursor, PageLimit, PageView
from callgenie.http.problems import problems
from callgenie.kernel.phone import PhoneNumberText
from callgenie.numbers.do_not_call import DoNotCallList, DoNotCallListFullError, NumberNotListedError
from callgenie.numbers.do_not_call_store import ListedNumber
from callgenie.users.guards import CurrentUser

router = APIRouter(prefix="/api/user/do-not-call", tags=["outbound calls"])


class DoNotCallBody(ApiModel):
    """A number that must not be called."""

    phone_number: PhoneNumberText
    note: Annotated[str, StringConstraints(max_length=200)] | None = Field(
        default=None, description="Who asked for it, for example."
    )


class DoNotCallQuery(ApiModel):
    """Which page of the list."""

    cursor: PageCursor | None = None
    limit: PageLimit = LIMIT_DEFAULT


class DoNotCallView(ApiView):
    """A number that must not be called."""

    phone_number: str
    note: str | None
    added_at: datetime

    @classmethod
    def of(cls, number: ListedNumber) -> Self:
        """Show a number."""
        return cls(phone_number=number.phone_number, note=number.note, added_at=number.added_at)


async def get_do_not_call(connection: HTTPConnection) -> DoNotCallList:
    """Return the list that the program was put together with."""
    return cast("DoNotCallList", connection.app.state.services.do_not_call)


DoNotCallDep = Annotated[DoNotCallList, Depends(get_do_not_call)]
_THERE: Final[dict[int | str, dict[str, Any]]] = {int(HTTPStatus.OK): {"description": "It was on the list already."}}


@router.get("", responses=problems(InvalidCursorError))
async def list_numbers_not_to_call(
    user: CurrentUser, numbers: DoNotCallDep, query: Annotated[DoNotCallQuery, Query()]
) -> PageView[DoNotCallView]:
    """List the numbers that the user's assistant must not call."""
    page = await numbers.page(user.id, cursor=query.cursor, limit=query.limit)
    return PageView[DoNotCallView](
        data=[DoNotCallView.of(number) for number in page.items],
        has_more=page.next_cursor is not None,
        next_cursor=page.next_cursor,
    )


@router.post("", status_code=HTTPStatus.CREATED, responses=_THERE | problems(DoNotCallListFullError))
async def do_not_call(
    body: DoNotCallBody, user: CurrentUser, numbers: DoNotCallDep, response: Response
) -> DoNotCallView:
    """Put a number on the list; it is not called from now on."""
    added = await numbers.add(user.id, body.phone_number, body.note)
    response.status_code = HTTPStatus.CREATED if added.created else HTTPStatus.OK
    return DoNotCallView.of(added.number)


@router.delete("/{phone_number}", status_code=HTTPStatus.NO_CONTENT, responses=problems(NumberNotListedError))
async def allow_calling(
    user: CurrentUser,
    numbers: DoNotCallDep,
    phone_number: Annotated[str, Path(description="The number in E.164, its plus percent-encoded.")],
) -> None:
    """Take a number off the list."""
    await numbers.remove(user.id, phone_number)
