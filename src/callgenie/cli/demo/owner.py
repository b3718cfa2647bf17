"""The demo's owner: everything they do goes over the public HTTP API, as any client's would."""

from typing import Any, Self
from urllib.parse import quote

import httpx

from callgenie.kernel.errors import ConflictError

Json = dict[str, Any]


class DemoRefusedError(ConflictError):
    """The server refused something that the demo takes for granted."""

    code = "demo_refused"


class Owner:
    """A user of the API, signed up here or before. Use it as `async with`."""

    def __init__(self, url: str, *, authorization: str | None = None) -> None:
        # Loopback needs no proxy, whatever the environment says.
        self._http = httpx.AsyncClient(base_url=url, timeout=30, trust_env=False)
        if authorization is not None:
            self._http.headers["Authorization"] = authorization

    async def __aenter__(self) -> Self:
        """Return the owner, not signed up yet."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        await self._http.aclose()

    @property
    def authorization(self) -> str:
        """What requests are signed in with; empty before signing up."""
        return str(self._http.headers.get("Authorization", ""))

    async def sign_up(self, *, email: str, password: str, name: str) -> None:
        """Register; later calls are made in this user's name."""
        body = {"email": email, "password": password, "name": name}
        answer = await self._ask("POST", "/api/auth/register", json=body)
        self._http.headers["Authorization"] = f"Bearer {answer['accessToken']}"

    async def describe_business(self, business: Json) -> None:
        """Fill in what the assistant knows."""
        await self._ask("PATCH", "/api/user/profile", json={"business": business})

    async def get_number(self) -> str:
        """Have a number from the pool assigned, and return it."""
        return str((await self._ask("POST", "/api/user/assign-phone", json={}))["phoneNumber"])

    async def usage(self) -> Json:
        """Return calls, minutes and seconds of the present period."""
        return await self._ask("GET", "/api/user/usage")

    async def conversation(self, session_id: str) -> Json:
        """Return a call's whole record."""
        return await self._ask("GET", f"/api/user/conversations/{quote(session_id, safe='')}")

    async def _ask(self, method: str, path: str, **more: Any) -> Json:
        answer = await self._http.request(method, path, **more)
        if answer.is_error:
            raise DemoRefusedError(f"{method} {path} answered {answer.status_code}: {answer.text}")
        body: Json = answer.json()
        return body
