"""A page to call one's own assistant from: plain files, nothing from elsewhere, no script or style in the page."""

from importlib.resources import files
from typing import Final

from fastapi import APIRouter, HTTPException
from starlette.requests import Request
from starlette.responses import Response

from callgenie.http.unchanging import Unchanging

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


def _file(name: str, media_type: str) -> Unchanging:
    read = files("callgenie.calls").joinpath("page", name).read_bytes
    return Unchanging(read, media_type=media_type, headers=_HEADERS)


_PAGE: Final = _file(PAGE, "text/html")
_FILES: Final = {name: _file(name, media_type) for name, media_type in _MEDIA_TYPES.items()}


@router.get("/call")
async def show_page(request: Request) -> Response:
    """Show the page."""
    return await _PAGE.answer(request)


@router.get("/call/{name}")
async def show_file(name: str, request: Request) -> Response:
    """Send one of the files that the page is made of."""
    if name not in _FILES:
        raise HTTPException(404)
    return await _FILES[name].answer(request)
