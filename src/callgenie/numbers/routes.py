"""HTTP: a user's phone number."""

from http import HTTPStatus
from typing import Annotated, cast

from fastapi import APIRouter, Body, Depends
from starlette.requests import HTTPConnection

from callgenie.http.problems import problems
from callgenie.numbers.errors import NoNumberAvailableError, NumberTakenError
from callgenie.numbers.schemas import NumberWishBody, PhoneNumberView
from callgenie.numbers.service import NumberPool
from callgenie.users.guards import CurrentUser

router = APIRouter(prefix="/api/user", tags=["phone numbers"])


async def get_numbers(request: HTTPConnection) -> NumberPool:
    """Return the pool that the program was put together with."""
    return cast("NumberPool", request.app.state.services.numbers)


NumbersDep = Annotated[NumberPool, Depends(get_numbers)]
_ANY = NumberWishBody()


@router.post("/assign-phone", responses=problems(NoNumberAvailableError, NumberTakenError))
async def assign_phone(
    user: CurrentUser, numbers: NumbersDep, wish: Annotated[NumberWishBody, Body()] = _ANY
) -> PhoneNumberView:
    """Give the signed-in user a number from the pool; again: the number they have."""
    return PhoneNumberView.of(await numbers.assign(user.id, wish.wish()))


@router.delete("/assign-phone", status_code=HTTPStatus.NO_CONTENT)
async def release_phone(user: CurrentUser, numbers: NumbersDep) -> None:
    """Take the signed-in user's number away; nobody else can get it for 30 days."""
    await numbers.release(user.id)
