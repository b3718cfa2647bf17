"""Puts the program together: settings in, services out. The only place that picks classes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, fields
from urllib.parse import unquote, urlsplit

from prometheus_client import CollectorRegistry

from callgenie.billing.joined_store import JoinedStore
from callgenie.billing.ledger import UsageLedger
from callgenie.billing.notices import KINDS, MovedUsage, UsageNotices, UsageNoticeWriter
from callgenie.billing.service import UsageService
from callgenie.billing.terms import TermsReader
from callgenie.calls.admission import Admission
from callgenie.calls.desk import CallDesk
from callgenie.calls.live import LiveCalls
from callgenie.calls.media_tokens import MediaTokens
from callgenie.calls.sweeper import Sweeper
from callgenie.conversations.daily import DailyUsageReader
from callgenie.conversations.ledger_watch import LedgerWatch
from callgenie.conversations.live_store import LiveCallStore
from callgenie.conversations.reconciliation import Reconciliation
from callgenie.conversations.recording import Recording
from callgenie.conversations.recording_store import RecordingStore
from callgenie.conversations.service import ConversationService
from callgenie.conversations.settlement import Settlement
from callgenie.conversations.store import ConversationStore
from callgenie.conversations.totals_store import TotalsStore
from callgenie.http.idempotency_store import IdempotencyStore
from callgenie.http.pages import CursorSigner
from callgenie.http.rate_limits import RateLimits
from callgenie.jobs.outbox import Delivery
from callgenie.jobs.outbox_store import OutboxStore
from callgenie.jobs.periodic import every
from callgenie.kernel.clock import Clock
from callgenie.kernel.counting import LocalCounters
from callgenie.kernel.errors import UnavailableError
from callgenie.kernel.ids import Randomness, SystemRandomness
from callgenie.kernel.secret_file import Secrets
from callgenie.lifecycle.belongings_store import BelongingsStore
from callgenie.lifecycle.erasure import Erasures
from callgenie.lifecycle.erasure_log import ERASURES_FILE, ErasureLog
from callgenie.lifecycle.erasure_store import ErasureStore
from callgenie.lifecycle.export import AccountExport
from callgenie.lifecycle.signup import SignUp
from callgenie.mail.console import ConsoleMailer
from callgenie.mail.models import Mailer
from callgenie.mail.smtp import IMPLICIT_TLS_PORT, SUBMISSION_PORT, SmtpMailer, SmtpServer, Tls, default_sender
from callgenie.mongo.client import Database
from callgenie.mongo.counters import SharedCounters
from callgenie.mongo.readiness import Readiness
from callgenie.numbers.service import NumberPool
from callgenie.numbers.store import NumberStore
from callgenie.observability.metrics import Metrics
from callgenie.profiles.models import DEFAULT_LANGUAGE, DEFAULT_MODEL
from callgenie.profiles.options import VoiceOptions
from callgenie.profiles.service import ProfileService
from callgenie.profiles.store import ProfileStore
from callgenie.settings import Settings
from callgenie.users.account_mail import AccountMail
from callgenie.users.accounts import Accounts
from callgenie.users.api_key_store import ApiKeyStore
from callgenie.users.api_keys import ApiKeys
from callgenie.users.attempts import AttemptBudgets
from callgenie.users.census_store import CensusStore
from callgenie.users.credential_store import CredentialStore
from callgenie.users.letters import Links, account_writers
from callgenie.users.one_time_token_store import OneTimeTokenStore
from callgenie.users.one_time_tokens import OneTimeTokens
from callgenie.users.password_changes import PasswordChanges
from callgenie.users.passwords import PasswordHasher
from callgenie.users.registration_store import RegistrationStore
from callgenie.users.registrations import Registrations
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

# As often as Prometheus usually asks.
FIGURES_EVERY_SECONDS = 15.0

# Nobody waits longer than this for a mail to be on its way; each worker asks the database once in this time.
DELIVER_EVERY_SECONDS = 1.0

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
    account_mail: AccountMail
    registrations: Registrations
    password_changes: PasswordChanges
    outbox: OutboxStore
    usage_notices: UsageNotices
    cursors: CursorSigner
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
    metrics: Metrics
    ledger_watch: LedgerWatch
    readiness: Readiness
    delivery: Delivery


def build_records(
    settings: Settings, database: Database, secrets: Secrets, *, clock: Clock, randomness: Randomness
) -> Records:
    """Put together what works on the database alone."""
    db = database.db
    passwords = PasswordHasher(secrets.password_pepper, cost=settings.bcrypt_cost)
    users = Accounts(UserStore(db), passwords, clock, verified_only=settings.verified_only)
    outbox, tokens, sessions = OutboxStore(db), OneTimeTokenStore(db), SessionStore(db)
    account_mail = AccountMail(outbox, clock, randomness)
    registrations = Registrations(users, RegistrationStore(db), tokens, account_mail, randomness)
    access = AccessTokens([secrets.jwt_secret], clock, randomness)
    profiles = ProfileService(ProfileStore(db), users, OPTIONS)
    attempts = build_attempts(settings, database, clock)
    moved = MovedUsage()
    ledger, terms, cursors = UsageLedger(db, moved.note), TermsReader(users, profiles), CursorSigner(secrets.jwt_secret)
    usage = UsageService(ledger, terms, clock, JoinedStore(db))
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
        sessions=Sessions(sessions, users, access, RefreshTokens(secrets.jwt_secret, randomness), attempts),
        api_keys=ApiKeys(ApiKeyStore(db), secrets.jwt_secret, randomness),
        profiles=profiles,
        sign_up=SignUp(users, profiles, registrations, account_mail, verified_only=settings.verified_only),
        account_mail=account_mail,
        registrations=registrations,
        password_changes=PasswordChanges(CredentialStore(db), passwords, tokens, sessions, randomness, attempts),
        outbox=outbox,
        usage_notices=UsageNotices(moved, ledger, terms, outbox, clock),
        cursors=cursors,
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
    db = records.database.db
    metrics = Metrics(CollectorRegistry())
    calls = LiveCallStore(db)
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
        watch=metrics,
    )
    live = LiveCalls(desk, providers, clock, Timings(reply_after_ms=settings.reply_after_silence_ms), metrics)
    pool = records.database.pool
    metrics.watch("callgenie_calls_active", "Calls that run in this process.", lambda: live.count)
    metrics.watch("callgenie_database_connections_open", "Connections to the database.", lambda: pool.open)
    metrics.watch("callgenie_database_connections_in_use", "Those of them at work.", lambda: pool.in_use)
    return Services(
        **{field.name: getattr(records, field.name) for field in fields(records)},
        public_url=settings.public_url or own_url,
        desk=desk,
        live=live,
        sweeper=Sweeper(calls, records.ledger, records.recording, metrics),
        erasures=build_erasures(records, calls, live),
        idempotency=IdempotencyStore(records.database.db, secrets.jwt_secret, records.randomness),
        limits=build_limits(settings, records.database, clock),
        metrics=metrics,
        ledger_watch=LedgerWatch(Reconciliation(records.ledger, TotalsStore(db)), CensusStore(db)),
        readiness=Readiness(records.database, clock),
        delivery=build_delivery(records, secrets, origin=settings.public_url or own_url),
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
        attempts=build_attempts(records.settings, records.database, records.clock),
    )


def build_delivery(records: Records, secrets: Secrets, *, origin: str) -> Delivery:
    """Put together what writes and sends mail; links in it lead to `origin`."""
    db = records.database.db
    users, tokens = UserStore(db), OneTimeTokens(secrets.jwt_secret)
    links = Links(origin, tokens, OneTimeTokenStore(db))
    writers = {
        **account_writers(users, RegistrationStore(db), links),
        **dict.fromkeys(KINDS, UsageNoticeWriter(users, origin)),
    }
    return Delivery(records.outbox, mailer_of(records.settings, origin), writers, records.randomness)


def mailer_of(settings: Settings, origin: str) -> Mailer:
    """Return how mail gets out: over SMTP once a server is set."""
    host, port, tls = settings.smtp_host, settings.smtp_port, Tls(settings.smtp_tls)
    username = settings.smtp_username
    password = settings.smtp_password.get_secret_value() if settings.smtp_password else None
    if settings.smtp_url is not None:
        parts = urlsplit(settings.smtp_url.get_secret_value())
        host, port = parts.hostname, parts.port or (IMPLICIT_TLS_PORT if parts.scheme == "smtps" else SUBMISSION_PORT)
        tls = Tls.IMPLICIT if parts.scheme == "smtps" else tls
        username = unquote(parts.username) if parts.username else None
        password = unquote(parts.password) if parts.password else None
    if host is None:
        return ConsoleMailer()
    sender = settings.mail_from or default_sender(urlsplit(origin).hostname or "")
    return SmtpMailer(SmtpServer(host, port, username, password, tls), sender=sender)


async def gather_figures(services: Services) -> None:
    """Take the figures that are too dear to be read each time somebody asks."""
    metrics = services.metrics
    metrics.free_numbers.set(await services.numbers.count_free())
    metrics.outbox_seconds.set(await services.outbox.oldest_waiting_seconds())
    await services.ledger_watch.look()
    metrics.ledger_mismatches.set(services.ledger_watch.mismatches)


@asynccontextmanager
async def running(services: Services) -> AsyncIterator[Services]:
    """Run what works beside requests and calls during the block."""
    async with asyncio.TaskGroup() as group:
        jobs = [
            group.create_task(
                every(SWEEP_EVERY_SECONDS, services.sweeper.sweep, name="sweep"), name="sweep expired calls"
            ),
            group.create_task(every(DELIVER_EVERY_SECONDS, services.delivery.deliver, name="mail"), name="send mail"),
            group.create_task(
                every(DELIVER_EVERY_SECONDS, services.usage_notices.look, name="notices"), name="look at usage"
            ),
            group.create_task(
                every(FIGURES_EVERY_SECONDS, lambda: gather_figures(services), name="figures"), name="gather figures"
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
            # What the last calls have used; without the database, the next call makes up for it.
            with suppress(UnavailableError):
                await services.usage_notices.look()
            services.passwords.close()
