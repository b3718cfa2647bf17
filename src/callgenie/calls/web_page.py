"""A page to call one's own assistant from: plain files, nothing from elsewhere, no script or style in the page."""

from importlib.resources import files
from typing import Final

from fastapi import APIRouter, HTTPException
from starlette.responses import Response

router = APIRouter(include_in_schema=False)

PAGE: Final = "call.html"
_MEDIA_TYPES: Final = {
    "call.css": "text/css",
    "call.js": "text/javascript",
    "line.js": "text/javascript",
    "audio.js": "text/javascript",
}

# The page asks its own server and opens a socket to it, and that is all it may do.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # The files belong together: a page must never meet the script of another release.
    "Cache-Control": "no-cache",
}


# Not coroutines: they read files.
@router.get("/call")
def show_page() -> Response:
    """Show the page."""
    return _file(PAGE, "text/html")


@router.get("/call/{name}")
def show_file(name: str) -> Response:
    """Send one of the files that the page is made of."""
    if name not in _MEDIA_TYPES:
        raise HTTPException(404)
    return _file(name, _MEDIA_TYPES[name])


def _file(name: str, media_type: str) -> Response:
    content = files("callgenie.calls").joinpath("page", name).read_bytes()
    return Response(content, media_type=media_type, headers=_HEADERS)
