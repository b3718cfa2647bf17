"""The one way out for whatever goes wrong: RFC 9457 problems, with a code from a closed list."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPMethod, HTTPStatus
from typing import Any, Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse
from starlette.routing import Match
from starlette.types import Scope

from callgenie.http.bodies import ApiView
from callgenie.http.request_id import request_id_of
from callgenie.kernel.errors import (
    DomainError,
    ErrorKind,
    FieldFault,
    InvalidError,
    RangeUnsatisfiableError,
    TooManyRequestsError,
    UnavailableError,
)

MEDIA_TYPE: Final = "application/problem+json"

STATUS_OF_KIND: Final[Mapping[ErrorKind, HTTPStatus]] = {
    ErrorKind.INVALID: HTTPStatus.UNPROCESSABLE_ENTITY,
    ErrorKind.MALFORMED: HTTPStatus.BAD_REQUEST,
    ErrorKind.NOT_SIGNED_IN: HTTPStatus.UNAUTHORIZED,
    ErrorKind.NOT_ALLOWED: HTTPStatus.FORBIDDEN,
    ErrorKind.NOT_FOUND: HTTPStatus.NOT_FOUND,
    ErrorKind.CONFLICT: HTTPStatus.CONFLICT,
    ErrorKind.PRECONDITION_FAILED: HTTPStatus.PRECONDITION_FAILED,
    ErrorKind.RANGE_UNSATISFIABLE: HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
    ErrorKind.LIMIT_REACHED: HTTPStatus.TOO_MANY_REQUESTS,
    ErrorKind.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
}

INTERNAL_ERROR: Final = "internal_error"

# What the framework refuses before any of our code runs: a code and a sentence for each status.
_FRAMEWORK: Final[Mapping[int, tuple[str, str]]] = {
    HTTPStatus.BAD_REQUEST: ("malformed", "The request cannot be understood."),
    HTTPStatus.UNAUTHORIZED: ("not_signed_in", "Sign in first."),
    HTTPStatus.FORBIDDEN: ("not_allowed", "This is not allowed."),
    HTTPStatus.NOT_FOUND: ("not_found", "There is nothing at this address."),
    HTTPStatus.METHOD_NOT_ALLOWED: ("method_not_allowed", "This address does not take this method; see Allow."),
    HTTPStatus.REQUEST_TIMEOUT: (
        "request_timeout",
        "The request did not arrive in time. Send it again, without pauses, over a new connection.",
    ),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ("body_too_large", "The body is too large."),
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: ("unsupported_media_type", "The body is of a type that is not taken here."),
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: (
        "head_too_large",
        "The address and the headers of the request are too large together.",
    ),
    HTTPStatus.INTERNAL_SERVER_ERROR: (
        INTERNAL_ERROR,
        "Something went wrong on our side. Try again; if it stays, report the requestId.",
    ),
}

# One answer names at most this many faults: a body of a megabyte can hold a hundred thousand.
FAULTS_MAX: Final = 50
# A field's name may come from the client (an unknown field), so it is cut before it is shown.
FIELD_NAME_CHARS_MAX: Final = 100


class FaultView(ApiView):
    """What is wrong with one field."""

    field: str
    message: str


class ProblemView(ApiView):
    """An error, as RFC 9457 shapes it."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: list[FaultView] | None = Field(default=None, description="Which fields are at fault; on 422 only.")


@dataclass(frozen=True, slots=True)
class Problem:
    """A refusal on its way out."""

    status: HTTPStatus
    code: str
    detail: str
    faults: Sequence[FieldFault] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def closing(self) -> "Problem":
        """Return the same refusal, after which the connection is closed."""
        return replace(self, headers={**self.headers, "Connection": "close"})

    def answer(self, scope: Scope) -> JSONResponse:
        """Return the response to send for the request of `scope`."""
        content: dict[str, Any] = {
            "type": f"urn:callgenie:problem:{self.code}",
            "title": self.code.replace("_", " ").capitalize(),
            "status": int(self.status),
            "detail": self.detail,
            "code": self.code,
            "requestId": request_id_of(scope),
        }
        if self.status is HTTPStatus.UNPROCESSABLE_ENTITY:
            content["errors"] = [
                {"field": _shown(fault.field), "message": fault.message} for fault in self.faults[:FAULTS_MAX]
            ]
        return JSONResponse(content, status_code=self.status, headers=dict(self.headers), media_type=MEDIA_TYPE)


def _shown(name: str) -> str:
    return name[:FIELD_NAME_CHARS_MAX].encode("utf-8", "replace").decode("utf-8").replace("\0", "?")


def problem_of(error: DomainError) -> Problem:
    """Return how the API tells a domain error."""
    status = STATUS_OF_KIND[error.kind]
    headers: dict[str, str] = {}
    if isinstance(error, UnavailableError):
        headers["Retry-After"] = str(error.retry_after_seconds)
    if isinstance(error, TooManyRequestsError):
        headers["Retry-After"] = str(error.retry_after_seconds)
        # draft-ietf-httpapi-ratelimit-headers
        headers["RateLimit-Policy"] = f'"{error.policy}";q={error.limit};w={error.window_seconds}'
        headers["RateLimit"] = f'"{error.policy}";r=0;t={error.retry_after_seconds}'
    if isinstance(error, RangeUnsatisfiableError):
        headers["Content-Range"] = f"bytes */{error.size_bytes}"
    if status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return Problem(status, error.code, error.detail, error.faults, headers)


def framework_problem(status: int, headers: Mapping[str, str] | None = None) -> Problem:
    """Return how the API tells a refusal of the framework, or of a middleware, that has no domain error."""
    known = status if status in _FRAMEWORK else HTTPStatus.BAD_REQUEST
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        known = HTTPStatus.INTERNAL_SERVER_ERROR
    code, detail = _FRAMEWORK[known]
    return Problem(HTTPStatus(known), code, detail, headers=headers or {})


def _message(fault: Mapping[str, Any]) -> str:
    """Return what is wrong, never what was sent: pydantic quotes the input in a few of its messages."""
    kind = str(fault["type"])
    if kind == "extra_forbidden":
        return "is not a field of this request"
    if kind == "model_attributes_type":
        return "must be a JSON object; send it with Content-Type: application/json"
    if kind == "missing":
        return "is required"
    if kind.startswith(("uuid", "url", "date", "time", "decimal", "json_invalid", "bytes_invalid")):
        return f"is not a valid {kind.split('_', 1)[0]}"
    return str(fault["msg"]).removeprefix("Value error, ")


def faults_of(errors: Iterable[Mapping[str, Any]], *, skip: int = 0) -> list[FieldFault]:
    """Return pydantic's errors as field faults; `skip` leading parts of each place are not part of the name."""
    return [
        FieldFault(".".join(str(part) for part in fault["loc"][skip:]) or "body", _message(fault)) for fault in errors
    ]


INVALID_DETAIL: Final = "Some fields are not as they must be; see errors."


async def _domain_error(connection: HTTPConnection, error: Exception) -> JSONResponse:
    if not isinstance(error, DomainError):
        raise TypeError("registered for domain errors only") from error
    return problem_of(error).answer(connection.scope)


async def _validation_error(connection: HTTPConnection, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        raise TypeError("registered for validation errors only") from error
    problem = Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY, InvalidError.code, INVALID_DETAIL, faults_of(error.errors(), skip=1)
    )
    return problem.answer(connection.scope)


async def _http_exception(connection: HTTPConnection, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise TypeError("registered for HTTP exceptions only") from error
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return method_not_allowed(connection.scope).answer(connection.scope)
    return framework_problem(error.status_code, error.headers).answer(connection.scope)


def method_not_allowed(scope: Scope) -> Problem:
    """Return how the API tells that an address does not take a method."""
    return framework_problem(HTTPStatus.METHOD_NOT_ALLOWED, {"Allow": ", ".join(_methods_at(scope))})


def _methods_at(scope: Scope) -> list[str]:
    """Return every method the address takes; the framework names only those of the first route it looked at."""
    bare = {"type": "http", "path": scope["path"], "root_path": scope.get("root_path", ""), "headers": []}
    routes = scope["app"].router.routes
    return [
        method.value
        for method in HTTPMethod
        if any(route.matches({**bare, "method": method.value})[0] is Match.FULL for route in routes)
    ]


def problems(*errors: type[DomainError]) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of an endpoint that can refuse in these ways, for its OpenAPI description."""
    codes: dict[int, list[str]] = {HTTPStatus.UNPROCESSABLE_ENTITY: [InvalidError.code]}
    for error in errors:
        known = codes.setdefault(STATUS_OF_KIND[error.kind], [])
        if error.code not in known:
            known.append(error.code)
    return {
        int(status): {
            "description": " | ".join(f"`{code}`" for code in named),
            "content": {MEDIA_TYPE: {"schema": _schema(named)}},
        }
        for status, named in codes.items()
    }


def _schema(codes: Sequence[str]) -> dict[str, Any]:
    schema = ProblemView.model_json_schema(ref_template="#/$defs/{model}")
    faults = schema.pop("$defs")["FaultView"]
    schema["properties"]["code"] = {"type": "string", "enum": list(codes)}
    schema["properties"]["errors"] = {"type": "array", "items": faults, "description": "Which fields are at fault."}
    return schema


def known_codes() -> dict[str, HTTPStatus]:
    """Return the closed list: every code that an answer may carry, and its status."""
    codes = {code: HTTPStatus(status) for status, (code, _) in _FRAMEWORK.items()}
    waiting: list[type[DomainError]] = [DomainError]
    while waiting:
        error = waiting.pop()
        waiting.extend(error.__subclasses__())
        if error is not DomainError:
            codes[error.code] = STATUS_OF_KIND[error.kind]
    return dict(sorted(codes.items()))


def install(app: FastAPI) -> None:
    """Make every refusal of `app` a problem."""
    app.add_exception_handler(DomainError, _domain_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_exception)
