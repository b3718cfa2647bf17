"""Puts the program together: settings in, services out. The only place that picks classes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields

from callgenie.billing.ledger import UsageLedger
from callgenie.billing.service import UsageService
from callgenie.billing.terms import TermsReader
from callgenie.calls.admission import Admission
from callgenie.calls.desk import CallDesk
from callgenie.calls.live import LiveCalls
from callgenie.calls.media_tokens import MediaTokens
from callgenie.calls.sweeper import Sweeper
from callgenie.conversations.daily import DailyUsageReader
from callgenie.conversations.live_store import LiveCallStore
from callgenie.conversations.recording import Recording
from callgenie.conversations.recording_store import RecordingStore
from callgenie.conversations.service import ConversationService
from callgenie.conversations.settlement import Settlement
from callgenie.conversations.store import ConversationStore
from callgenie.conversations.totals_store import TotalsStore
from callgenie.http.idempotency_store import IdempotencyStore
from callgenie.http.pages import CursorSigner
from callgenie.http.rate_limits import RateLimits
from callgenie.jobs.periodic import every
from callgenie.kernel.clock import Clock
from callgenie.kernel.counting import LocalCounters
from callgenie.kernel.ids import Randomness, SystemRandomness
from callgenie.kernel.secret_file import Secrets
from callgenie.lifecycle.belongings_store import BelongingsStore
from callgenie.lifecycle.erasure import Erasures
from callgenie.lifecycle.erasure_log import ERASURES_FILE, ErasureLog
from callgenie.lifecycle.erasure_store import ErasureStore
from callgenie.lifecycle.export import AccountExport
from callgenie.lifecycle.signup import SignUp
from callgenie.mongo.client import Database
from callgenie.mongo.counters import SharedCounters
from callgenie.mongo.readiness import Readiness
from callgenie.numbers.service import NumberPool
from callgenie.numbers.store import NumberStore
from callgenie.profiles.models import DEFAULT_LANGUAGE, DEFAULT_MODEL
from callgenie.profiles.options import VoiceOptions
from callgenie.profiles.service import ProfileService
from callgenie.profiles.store import ProfileStore
from callgenie.settings import Settings
from callgenie.users.accounts import Accounts
from callgenie.users.api_key_store import ApiKeyStore
from callgenie.users.api_keys import ApiKeys
from callgenie.users.attempts import AttemptBudgets
from callgenie.users.passwords import PasswordHasher
from callgenie.users.session_store import SessionStore
from callgenie.users.sessions import Sessions
from callgenie.users.store import UserStore
from callgenie.users.tokens import AccessTokens, RefreshTokens
from callgenie.voice.ports import VoiceProviders
from callgenie.voice.providers.nanotts import VOICES
from callgenie.voice.timings import Timings

# A crashed call's seconds are free again this long after its lease ran out, at the latest.
SWEEP_EVERY_SECONDS = 5.0

# An erasure that was cut off goes on this long after the next process has started, at the latest.
ERASE_EVERY_SECONDS = 5.0

SECRETS_FILE = "secrets.json"

# What a user can choose among: the embedded providers, as long as there are no others.
OPTIONS = VoiceOptions(voices=tuple(VOICES), models=(DEFAULT_MODEL,), languages=(DEFAULT_LANGUAGE,))


def gather_secrets(settings: Settings) -> Secrets:
    """Return the secrets that were set, and for the others those that the data folder keeps, made when need be.

    Raises:
        SecretFileError: The file is there and cannot be used.
    """
    jwt, pepper = settings.jwt_secret, settings.password_pepper
    return Secrets.gather(
        settings.data_dir.expanduser() / SECRETS_FILE,
        SystemRandomness(),
        jwt=jwt.get_secret_value() if jwt is not None else None,
        pepper=pepper.get_secret_value() if pepper is not None else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """What works on the database alone: enough for the library and for commands."""

    settings: Settings
    database: Database
    clock: Clock
    randomness: Randomness
    users: Accounts
    sessions: Sessions
    api_keys: ApiKeys
    profiles: ProfileService
    sign_up: SignUp
    numbers: NumberPool
    ledger: UsageLedger
    terms: TermsReader
    usage: UsageService
    conversations: ConversationService
    daily_usage: DailyUsageReader
    account_export: AccountExport
    recording: Recording
    passwords: PasswordHasher


@dataclass(frozen=True, slots=True, kw_only=True)
class Services(Records):
    """All that the server needs; routes find it as `app.state.services`."""

    public_url: str
    desk: CallDesk
    live: LiveCalls
    sweeper: Sweeper
    erasures: Erasures
    idempotency: IdempotencyStore
    limits: RateLimits | None
    readiness: Readiness


def build_records(
    settings: Settings, database: Database, secrets: Secrets, *, clock: Clock, randomness: Randomness
) -> Records:
    """Put together what works on the database alone."""
    db = database.db
    passwords = PasswordHasher(secrets.password_pepper, cost=settings.bcrypt_cost)
    users = Accounts(UserStore(db), passwords, clock)
    access = AccessTokens([secrets.jwt_secret], clock, randomness)
    profiles = ProfileService(ProfileStore(db), users, OPTIONS)
    attempts = build_attempts(settings, database, clock)
    ledger, terms, cursors = UsageLedger(db), TermsReader(users, profiles), CursorSigner(secrets.jwt_secret)
    usage = UsageService(ledger, terms, clock)
    recording = Recording(
        store=RecordingStore(db),
        settlement=Settlement(ledger, LiveCallStore(db)),
        ledger=ledger,
        terms=terms,
        usage=usage,
        clock=clock,
    )
    return Records(
        settings=settings,
        database=database,
        clock=clock,
        randomness=randomness,
        users=users,
        sessions=Sessions(SessionStore(db), users, access, RefreshTokens(secrets.jwt_secret, randomness), attempts),
        api_keys=ApiKeys(ApiKeyStore(db), secrets.jwt_secret, randomness),
        profiles=profiles,
        sign_up=SignUp(users, profiles),
        numbers=NumberPool(NumberStore(db)),
        ledger=ledger,
        terms=terms,
        usage=usage,
        conversations=ConversationService(ConversationStore(db), recording, cursors),
        daily_usage=DailyUsageReader(TotalsStore(db), profiles, clock),
        account_export=AccountExport(BelongingsStore(db), clock),
        recording=recording,
        passwords=passwords,
    )


def build_attempts(settings: Settings, database: Database, clock: Clock) -> AttemptBudgets | None:
    """Put together what limits attempts to sign in, unless limits are off."""
    if settings.rate_limits == "off":
        return None
    return AttemptBudgets(SharedCounters(database.db, clock), LocalCounters(clock))


def build_limits(settings: Settings, database: Database, clock: Clock) -> RateLimits | None:
    """Put together what limits requests, unless limits are off."""
    if settings.rate_limits == "off":
        return None
    return RateLimits(SharedCounters(database.db, clock), LocalCounters(clock))


def build_services(records: Records, secrets: Secrets, providers: VoiceProviders, *, own_url: str) -> Services:
    """Put together the whole server. `own_url` is where this machine reaches it, for when PUBLIC_URL is not set."""
    settings, clock = records.settings, records.clock
    calls = LiveCallStore(records.database.db)
    tokens = MediaTokens(secrets.jwt_secret.encode())
    admission = Admission(
        numbers=records.numbers, terms=records.terms, calls=calls, ledger=records.ledger, tokens=tokens, clock=clock
    )
    desk = CallDesk(
        admission=admission,
        profiles=records.profiles,
        terms=records.terms,
        calls=calls,
        ledger=records.ledger,
        tokens=tokens,
        randomness=records.randomness,
        max_call_seconds=settings.max_call_seconds,
    )
    live = LiveCalls(desk, providers, clock, Timings(reply_after_ms=settings.reply_after_silence_ms))
    return Services(
        **{field.name: getattr(records, field.name) for field in fields(records)},
        public_url=settings.public_url or own_url,
        desk=desk,
        live=live,
        sweeper=Sweeper(calls, records.ledger, records.recording),
        erasures=build_erasures(records, calls, live),
        idempotency=IdempotencyStore(records.database.db, secrets.jwt_secret, records.randomness),
        limits=build_limits(settings, records.database, clock),
        readiness=Readiness(records.database, clock),
    )


def build_erasures(records: Records, calls: LiveCallStore, live: LiveCalls) -> Erasures:
    """Put together what erases users."""
    return Erasures(
        accounts=records.users,
        numbers=records.numbers,
        calls=calls,
        running=live,
        belongings=BelongingsStore(records.database.db),
        store=ErasureStore(records.database.db),
        log=ErasureLog(records.settings.data_dir.expanduser() / ERASURES_FILE),
        clock=records.clock,
    )


@asynccontextmanager
async def running(services: Services) -> AsyncIterator[Services]:
    """Run what works beside requests and calls during the block."""
    async with asyncio.TaskGroup() as group:
        jobs = [
            group.create_task(
                every(SWEEP_EVERY_SECONDS, services.sweeper.sweep, name="sweep"), name="sweep expired calls"
            ),
            group.create_task(
                every(ERASE_EVERY_SECONDS, services.erasures.round, name="erase"), name="go on with erasures"
            ),
        ]
        try:
            yield services
        finally:
            for job in jobs:
                job.cancel()
            services.passwords.close()
