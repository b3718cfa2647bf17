"""`/health/live` and `/health/ready`, for whoever restarts or balances."""

from typing import Annotated, Protocol, cast

from fastapi import APIRouter, Depends
from starlette.requests import HTTPConnection

from callgenie.http.bodies import ApiView
from callgenie.http.problems import problems
from callgenie.kernel.errors import ConflictError, DomainError, UnavailableError

router = APIRouter(prefix="/health", tags=["operation"])


class ReadinessCheck(Protocol):
    """Something that knows whether the process could serve a request now."""

    async def check(self) -> None:
        """Return when all is well; otherwise raise a DomainError that says what is not."""
        ...


class NotReadyError(UnavailableError):
    """The server runs and cannot serve yet, or not at the moment."""

    code = "not_ready"


class HealthView(ApiView):
    """All is well; anything else is a problem."""

    status: str = "ok"


async def get_readiness(connection: HTTPConnection) -> ReadinessCheck:
    """Find the check among the services."""
    return cast("ReadinessCheck", connection.app.state.services.readiness)


@router.get("/live")
async def live() -> HealthView:
    """Tell that the process runs; asks nothing of the database."""
    return HealthView()


@router.get("/ready", responses=problems(NotReadyError))
async def ready(readiness: Annotated[ReadinessCheck, Depends(get_readiness)]) -> HealthView:
    """Tell whether the server can take traffic: a primary is there, indexes and validators are in place."""
    try:
        await readiness.check()
    except (UnavailableError, ConflictError) as reason:
        raise NotReadyError(_sentence(reason)) from reason
    return HealthView()


def _sentence(reason: DomainError) -> str:
    return f"Not ready: {reason.detail}"
