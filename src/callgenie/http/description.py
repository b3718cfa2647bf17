"""The API's description (OpenAPI 3.1), with what holds for every route said at every route."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from callgenie.http.idempotency import (
    HEADER,
    KEY_CHARS_MAX,
    IdempotencyKeyReusedError,
    InvalidIdempotencyKeyError,
    RequestStillRunningError,
)
from callgenie.http.json_guard import UnreadableBodyError
from callgenie.http.problems import MEDIA_TYPE, ProblemView, framework_problem, problems
from callgenie.kernel.errors import DomainError, TooManyRequestsError
from callgenie.mongo.errors import DatabaseBusyError

Document = dict[str, Any]

_PROBLEM: Final = "Problem"
_REF: Final = f"#/components/schemas/{_PROBLEM}"
# The ways in which a body is refused before it is looked at.
_OF_BODIES: Final = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
_API: Final = "/api/"
_USER: Final = "/api/user/"

_EVERYWHERE: Final = (TooManyRequestsError, DatabaseBusyError)
_REPEATED: Final = (RequestStillRunningError, IdempotencyKeyReusedError, InvalidIdempotencyKeyError)

_IDEMPOTENCY_KEY: Final[Document] = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": KEY_CHARS_MAX},
    "description": "Names this request: sent again with the same key and body within 24 hours, it is answered as it "
    "was the first time and nothing happens twice.",
}
_RETRY_AFTER: Final[Document] = {
    "Retry-After": {"description": "Seconds until asking again makes sense.", "schema": {"type": "integer"}}
}
_LIMITED: Final[Document] = {
    **_RETRY_AFTER,
    "RateLimit-Policy": {
        "description": "The rule: its name, how many (q) in how many seconds (w).",
        "schema": {"type": "string"},
    },
    "RateLimit": {"description": "How many are left (r), and for how many seconds (t).", "schema": {"type": "string"}},
}
_HEADERS: Final = {
    str(int(HTTPStatus.TOO_MANY_REQUESTS)): _LIMITED,
    str(int(HTTPStatus.SERVICE_UNAVAILABLE)): _RETRY_AFTER,
}


def describe(app: FastAPI, signed_in: Sequence[type[DomainError]]) -> Document:
    """Return the description of `app`; `signed_in` is how a route for signed-in users refuses everybody else."""
    described = get_openapi(
        title=app.title, version=app.version, summary=app.summary, description=app.description, routes=app.routes
    )
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            repeatable = method == "post" and path.startswith(_USER)
            errors: list[type[DomainError]] = [*_EVERYWHERE] if path.startswith(_API) else []
            errors += signed_in if path.startswith(_API) and operation.get("security") else []
            errors += _REPEATED if repeatable else []
            errors += [UnreadableBodyError] if "requestBody" in operation else []
            responses = _with(operation["responses"], errors)
            if "requestBody" in operation:
                for status in map(str, map(int, _OF_BODIES)):
                    responses[status] = _problem(status, [framework_problem(int(status)).code])
            operation["responses"] = dict(sorted(responses.items()))
            if repeatable:
                operation.setdefault("parameters", []).append(_IDEMPOTENCY_KEY)
    described["components"]["schemas"][_PROBLEM] = _problem_schema()
    return described


def _with(responses: Document, errors: Sequence[type[DomainError]]) -> Document:
    """Return the responses with those of `errors`, each problem in the one shape that all have."""
    merged = dict(responses)
    for status, described in problems(*errors).items() if errors else ():
        codes = [*_codes(merged.get(str(status), {})), *_codes(described)]
        merged[str(status)] = _problem(str(status), list(dict.fromkeys(codes)))
    for status, described in responses.items():
        if _codes(described) and merged[status] is described:
            merged[status] = _problem(status, _codes(described))
    return merged


def _codes(response: Document) -> list[str]:
    schema = response.get("content", {}).get(MEDIA_TYPE, {}).get("schema", {})
    return list(schema.get("properties", {}).get("code", {}).get("enum", ()))


def _problem(status: str, codes: Sequence[str]) -> Document:
    code = {"type": "object", "properties": {"code": {"enum": list(codes)}}}
    described: Document = {
        "description": " | ".join(f"`{each}`" for each in codes),
        "content": {MEDIA_TYPE: {"schema": {"allOf": [{"$ref": _REF}, code]}}},
    }
    if status in _HEADERS:
        described["headers"] = _HEADERS[status]
    return described


def _problem_schema() -> Document:
    schema = ProblemView.model_json_schema(by_alias=True)
    faults = schema.pop("$defs")["FaultView"]
    schema["properties"]["errors"] = {"type": "array", "items": faults, "description": "Which fields are at fault."}
    schema["title"] = _PROBLEM
    return schema
