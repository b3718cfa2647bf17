"""`/docs`: the API's description to read and to try, without anything from elsewhere.

What shows it is Swagger UI, whose files stand beside this one with their licence; see `swagger_ui/NOTICE`.
"""

from importlib.resources import files
from typing import Final, cast

from fastapi import APIRouter, FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from callgenie.http.unchanging import Unchanging

router = APIRouter(include_in_schema=False)

DESCRIPTION_PATH: Final = "/openapi.json"

# Only what this server itself sends, no script in the page, and no page of anybody else around it. The pictures of
# arrows are in the style sheet.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "public, max-age=3600",
}
# It changes with the release, and must be that of the server that is asked.
_DESCRIPTION_HEADERS: Final = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>CallGenie: the HTTP API</title>
<link rel="icon" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="reference"></div>
<noscript>The description itself is at <a href="/openapi.json">/openapi.json</a>.</noscript>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
# Without a validator: the usual one is somebody else's server.
_START: Final = f"""SwaggerUIBundle({{
  url: "{DESCRIPTION_PATH}",
  dom_id: "#reference",
  deepLinking: true,
  validatorUrl: null,
}});
"""
_MEDIA_TYPES: Final = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon-32x32.png": "image/png",
    "LICENSE": "text/plain",
    "NOTICE": "text/plain",
}
_FILES: Final = {
    name: Unchanging(
        files("callgenie.http").joinpath("swagger_ui", name).read_bytes,
        media_type=media_type,
        headers=_HEADERS,
    )
    for name, media_type in _MEDIA_TYPES.items()
}


@router.get("/docs")
async def show_reference() -> Response:
    """Show the page."""
    return Response(_PAGE, media_type="text/html", headers=_HEADERS)


@router.get("/docs/start.js")
async def start_reference() -> Response:
    """Send what the page runs first."""
    return Response(_START, media_type="text/javascript", headers=_HEADERS)


@router.get(DESCRIPTION_PATH)
async def show_description(request: Request) -> Response:
    """Send the description itself."""
    return await cast("Unchanging", request.app.state.description).answer(request)


@router.get("/docs/{name}")
async def show_file(name: str, request: Request) -> Response:
    """Send one of the files the page is made of."""
    if name not in _FILES:
        raise HTTPException(404)
    return await _FILES[name].answer(request)


def description_of(app: FastAPI) -> Unchanging:
    """Return how `app` describes itself, which takes most of a second to make."""
    return Unchanging(
        lambda: bytes(JSONResponse(app.openapi()).body), media_type="application/json", headers=_DESCRIPTION_HEADERS
    )
