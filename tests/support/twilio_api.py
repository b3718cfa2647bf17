"""A small Twilio REST API on a loopback socket: it places and ends calls as the documents say, and fails on command."""

import asyncio
import base64
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from tests.support.serving import serving

from callgenie.telephony.twilio.rest import OutgoingCall, TwilioAccount

ACCOUNT_SID = "AC" + "5" * 32
API_KEY = "SK" + "6" * 32
API_SECRET = "an API key's secret"
PATH = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Calls"
OVER = {"completed", "canceled", "busy", "failed", "no-answer"}


@dataclass
class Trouble:
    """What befalls one request: an answer of its own, or none at all; `done` says whether it was carried out first."""

    status: int = 0
    body: dict[str, Any] | None = None
    done: bool = False


@dataclass
class TwilioServer:
    """What was asked for, and what there is."""

    url: str = ""
    calls: dict[str, dict[str, Any]] = field(default_factory=dict)
    forms: list[dict[str, list[str]]] = field(default_factory=list)
    troubles: deque[Trouble] = field(default_factory=deque)

    @property
    def account(self) -> TwilioAccount:
        return TwilioAccount(sid=ACCOUNT_SID, username=API_KEY, password=SecretStr(API_SECRET), base_url=self.url)

    async def answer(self, request: Request) -> Response:
        form = await request.form()
        given = {name: [str(value) for value in form.getlist(name)] for name in form}
        self.forms.append(given)
        if request.headers.get("authorization") != _basic(API_KEY, API_SECRET):
            return refusal(401, 20003, "Authenticate")
        trouble = self.troubles.popleft() if self.troubles else None
        if trouble is not None and not trouble.done:
            return await _befall(trouble)
        sid = request.path_params.get("sid")
        response = self._create(given) if sid is None else self._update(sid, given)
        return response if trouble is None else await _befall(trouble)

    def _create(self, form: dict[str, list[str]]) -> Response:
        for name, code in (("To", 21201), ("From", 21213), ("Url", 21205)):
            if name not in form:
                return refusal(400, code, f"No '{name}' is specified")
        sid = f"CA{len(self.calls) + 1:032x}"
        self.calls[sid] = {
            "sid": sid,
            "account_sid": ACCOUNT_SID,
            "to": form["To"][0],
            "from": form["From"][0],
            "status": "queued",
            "direction": "outbound-api",
            "date_created": None,
            "start_time": None,
            "duration": None,
            "uri": f"{PATH}/{sid}.json",
        }
        return JSONResponse(self.calls[sid], 201)

    def _update(self, sid: str, form: dict[str, list[str]]) -> Response:
        call = self.calls.get(sid)
        if call is None:
            return refusal(404, 20404, f"The requested resource {PATH}/{sid}.json was not found")
        if call["status"] in OVER:
            return refusal(400, 21220, "Call is not in-progress. Cannot redirect.")
        call["status"] = form["Status"][0]
        return JSONResponse(call)

    def order(self) -> tuple[OutgoingCall, str]:
        """Return the last order, as a carrier that has taken it reads it, and its call."""
        form = self.forms[-1]
        return (
            OutgoingCall(
                to_number=form["To"][0],
                from_number=form["From"][0],
                url=form["Url"][0],
                status_callback=form["StatusCallback"][0],
                ring_seconds=int(form["Timeout"][0]),
            ),
            list(self.calls)[-1],
        )


def refusal(status: int, code: int, message: str) -> JSONResponse:
    """Return an error as Twilio writes it."""
    more_info = f"https://www.twilio.com/docs/errors/{code}"
    return JSONResponse({"code": code, "message": message, "more_info": more_info, "status": status}, status)


async def _befall(trouble: Trouble) -> Response:
    if not trouble.status:
        await asyncio.sleep(60)
    return JSONResponse(trouble.body or {}, trouble.status)


def _basic(username: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


@asynccontextmanager
async def twilio_server() -> AsyncIterator[TwilioServer]:
    """Serve it in the test's own loop."""
    server = TwilioServer()
    routes = [
        Route(f"{PATH}.json", server.answer, methods=["POST"]),
        Route(f"{PATH}/{{sid}}.json", server.answer, methods=["POST"]),
    ]
    async with serving(Starlette(routes=routes)) as url:
        server.url = url
        yield server
