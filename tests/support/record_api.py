"""The accounts' application with the record, the pool and usage added, as somebody outside sees them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import httpx
from pymongo.asynchronous.database import AsyncDatabase
from tests.support.accounts import JWT_SECRET, Api, make_app, make_services

from callgenie.billing import routes as billing_routes
from callgenie.billing.ledger import UsageLedger
from callgenie.billing.terms import TermsReader
from callgenie.conversations import routes as conversations_routes
from callgenie.conversations.daily import DailyUsageReader
from callgenie.conversations.live_store import LiveCallStore
from callgenie.conversations.recording import Recording
from callgenie.conversations.recording_store import RecordingStore
from callgenie.conversations.service import ConversationService
from callgenie.conversations.settlement import Settlement
from callgenie.conversations.store import ConversationStore
from callgenie.conversations.totals_store import TotalsStore
from callgenie.http.pages import CursorSigner
from callgenie.kernel.clock import SystemClock
from callgenie.numbers import routes as numbers_routes
from callgenie.recordings.links import RecordingLinks

LINKS_LAST = timedelta(minutes=15)


@asynccontextmanager
async def serving_records(db: AsyncDatabase[dict[str, Any]]) -> AsyncIterator[Api]:
    services = make_services(db)
    ledger = UsageLedger(db)
    recording = Recording(
        store=RecordingStore(db),
        settlement=Settlement(ledger, LiveCallStore(db)),
        ledger=ledger,
        terms=TermsReader(services.users, services.profiles),
        usage=services.usage,
        clock=SystemClock(),
    )
    services.conversations = ConversationService(ConversationStore(db), recording, CursorSigner(JWT_SECRET))
    links = RecordingLinks(JWT_SECRET.encode(), SystemClock(), origin="http://callgenie.test", lifetime=LINKS_LAST)
    services.recordings = SimpleNamespace(links=links)
    services.daily_usage = DailyUsageReader(TotalsStore(db), services.profiles, SystemClock())
    app = make_app(services)
    app.include_router(conversations_routes.usage_router)
    for routes in (conversations_routes, numbers_routes, billing_routes):
        app.include_router(routes.router)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://callgenie.test") as client:
        yield Api(client, services, db)
    services.hasher.close()
