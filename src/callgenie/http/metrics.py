"""`/metrics`, for Prometheus and for nobody else."""

import hmac
import ipaddress
from typing import Annotated, Final, cast

from fastapi import APIRouter, Depends, Response
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection

from callgenie.http.problems import problems
from callgenie.kernel.errors import NotAllowedError, NotSignedInError
from callgenie.observability.metrics import MEDIA_TYPE, Metrics

router = APIRouter(tags=["operation"])

_SCHEME: Final = "Bearer "
# A proxy on this machine asks from this machine, on behalf of anybody.
_FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


class MetricsTokenError(NotSignedInError):
    """The metrics' token is missing or wrong."""

    code = "metrics_token_needed"

    def __init__(self) -> None:
        super().__init__("Send the METRICS_TOKEN of this server as `Authorization: Bearer ...`.")


class MetricsNotPublicError(NotAllowedError):
    """There is no token, and the request is not from this machine."""

    code = "metrics_not_public"

    def __init__(self) -> None:
        super().__init__("Without a METRICS_TOKEN the metrics can be read from this machine only.")


class _MetricsReader(SecurityBase):
    def __init__(self) -> None:
        self.model = HTTPBearer(description="The setting METRICS_TOKEN, where it is set.")
        self.scheme_name = "metricsToken"

    async def __call__(self, connection: HTTPConnection) -> Metrics:
        services = connection.app.state.services
        token = services.settings.metrics_token
        if token is not None:
            given = connection.headers.get("authorization", "")
            if not hmac.compare_digest(given.encode(), f"{_SCHEME}{token.get_secret_value()}".encode()):
                raise MetricsTokenError
        elif not _is_from_here(connection):
            raise MetricsNotPublicError
        return cast("Metrics", services.metrics)


@router.get(
    "/metrics",
    responses={
        **problems(MetricsTokenError, MetricsNotPublicError),
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "Prometheus' text format."},
    },
    response_class=Response,
)
async def show_metrics(metrics: Annotated[Metrics, Depends(_MetricsReader())]) -> Response:
    """Show the figures of this process."""
    return Response(metrics.text(), media_type=MEDIA_TYPE)


def _is_from_here(connection: HTTPConnection) -> bool:
    if connection.client is None or any(name in connection.headers for name in _FORWARDED):
        return False
    try:
        address = ipaddress.ip_address(connection.client.host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
