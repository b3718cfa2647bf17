"""HTTP: how much of the plan is used."""

from typing import Annotated, cast

from fastapi import APIRouter, Depends
from starlette.requests import HTTPConnection

from callgenie.billing.schemas import UsageView
from callgenie.billing.service import UsageService
from callgenie.users.guards import UsageReader

router = APIRouter(prefix="/api/user", tags=["usage"])


async def get_usage(request: HTTPConnection) -> UsageService:
    """Return the service that the program was put together with."""
    return cast("UsageService", request.app.state.services.usage)


UsageDep = Annotated[UsageService, Depends(get_usage)]


@router.get("/usage")
async def show_usage(user: UsageReader, usage: UsageDep) -> UsageView:
    """Show the calls and seconds used in the present period, and whether one more call would be admitted."""
    return UsageView.of(await usage.check(user.id))
