"""The two pages that links in our mails lead to.

Opening one changes nothing, since programs that look through mail open links too: what the token is good for happens
when the form is sent. They need no script and no cookie, and tell nobody where they were opened from.
"""

import base64
import hashlib
import html
from collections.abc import Coroutine
from functools import cache
from http import HTTPStatus
from importlib import resources
from string import Template
from typing import Annotated, Any, Final
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Query
from fastapi.responses import HTMLResponse
from starlette.requests import Request

from callgenie.http.problems import STATUS_OF_KIND
from callgenie.kernel.errors import DomainError
from callgenie.users.errors import InvalidTokenError
from callgenie.users.recovery_routes import PasswordChangesDep, RegistrationsDep

router = APIRouter(include_in_schema=False)

_FIELDS_MAX: Final = 4
_TOKEN_CHARS_MAX: Final = 256

VERIFY_TITLE: Final = "Confirm your e-mail address"
RESET_TITLE: Final = "Choose a new password"
_VERIFY_FORM: Final = Template(
    '<form method="post" action="verify-email">'
    '<input type="hidden" name="token" value="$token"><button>Confirm</button></form>'
)
_RESET_FORM: Final = Template(
    '<form method="post" action="reset-password"><input type="hidden" name="token" value="$token">'
    '<label>New password<input type="password" name="password" autocomplete="new-password" minlength="8" '
    'maxlength="200" required></label><button>Save</button></form>'
)

LinkToken = Annotated[str, Query(max_length=_TOKEN_CHARS_MAX)]


async def sent_form(request: Request) -> dict[str, str]:
    """Return the fields of a form; those that are missing or cannot be read are empty."""
    try:
        fields = parse_qs((await request.body()).decode("ascii"), max_num_fields=_FIELDS_MAX, errors="strict")
    except ValueError:
        fields = {}
    return {name: fields.get(name, [""])[0] for name in ("token", "password")}


SentForm = Annotated[dict[str, str], Depends(sent_form)]


@router.get("/verify-email")
async def ask_to_verify(token: LinkToken = "") -> HTMLResponse:
    """Show a button that confirms the address."""
    return _page(VERIFY_TITLE, form=_form(_VERIFY_FORM, token))


@router.post("/verify-email")
async def verify(form: SentForm, registrations: RegistrationsDep) -> HTMLResponse:
    """Confirm the address, and say so."""
    refusal = await _refusal_of(registrations.verify(form["token"]))
    if refusal is not None:
        return _page(VERIFY_TITLE, refusal.detail, status=STATUS_OF_KIND[refusal.kind])
    return _page("Thank you", "Your e-mail address is confirmed. You can sign in now.")


@router.get("/reset-password")
async def ask_for_password(token: LinkToken = "") -> HTMLResponse:
    """Show a field for the new password."""
    return _page(RESET_TITLE, form=_form(_RESET_FORM, token))


@router.post("/reset-password")
async def reset(form: SentForm, passwords: PasswordChangesDep) -> HTMLResponse:
    """Save the new password, and say so; one that cannot be taken is asked for again."""
    refusal = await _refusal_of(passwords.reset(form["token"], form["password"]))
    if refusal is not None:
        again = "" if isinstance(refusal, InvalidTokenError) else _form(_RESET_FORM, form["token"])
        return _page(RESET_TITLE, refusal.detail, form=again, status=STATUS_OF_KIND[refusal.kind])
    return _page("Your new password is saved", "You are signed out everywhere. Sign in with the new password.")


async def _refusal_of(work: Coroutine[Any, Any, None]) -> DomainError | None:
    try:
        await work
    except DomainError as refusal:
        return refusal
    return None


def _form(template: Template, token: str) -> str:
    return template.substitute(token=html.escape(token))


def _page(title: str, message: str = "", *, form: str = "", status: HTTPStatus = HTTPStatus.OK) -> HTMLResponse:
    said = f'<p role="status">{html.escape(message)}</p>' if message else ""
    page = Template(_layout()).substitute(title=html.escape(title), message=said, form=form)
    return HTMLResponse(page, status_code=status, headers=_headers())


@cache
def _headers() -> dict[str, str]:
    style = _layout().partition("<style>")[2].partition("</style>")[0]
    known = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return {
        "Content-Security-Policy": (
            f"default-src 'none'; style-src 'sha256-{known}'; form-action 'self'; base-uri 'none'; "
            "frame-ancestors 'none'"
        ),
        # The token is in the address.
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }


@cache
def _layout() -> str:
    return resources.files("callgenie.users").joinpath("templates", "link_page.html").read_text("utf-8")
