"""The application with accounts, and the mailbox its mail arrives in."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from pymongo.asynchronous.database import AsyncDatabase
from tests.support.accounts import PASSWORD, Api, serving
from tests.support.mail_sink import Letterbox, mail_sink

EMAIL = "owner@example.com"


@dataclass
class Mailed:
    """An API and a letterbox."""

    api: Api
    letterbox: Letterbox

    async def post(self, route: str, **body: Any) -> httpx.Response:
        return await self.api.call("POST", f"/api/auth/{route}", json=body)

    async def sign_up(self, email: str = EMAIL, password: str = PASSWORD, name: str = "Jane Miller") -> httpx.Response:
        return await self.post("register", email=email, password=password, name=name)

    async def delivered(self) -> list[str]:
        """Deliver what waits; return the tokens of all mails that ever arrived."""
        await self.api.services.delivery.deliver()
        return [token for message in self.letterbox.texts() if "?token=" in message for token in _tokens(message)]


def _tokens(text: str) -> list[str]:
    return [line.partition("?token=")[2] for line in text.splitlines() if "?token=" in line]


@asynccontextmanager
async def mailed(db: AsyncDatabase[dict[str, Any]], **options: Any) -> AsyncIterator[Mailed]:
    async with mail_sink() as letterbox, serving(db, mailer=letterbox.mailer(), **options) as api:
        yield Mailed(api, letterbox)
