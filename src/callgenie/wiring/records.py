"""Settings in, out what works on the database alone."""

from dataclasses import dataclass

from callgenie.billing.joined_store import JoinedStore
from callgenie.billing.ledger import UsageLedger
from callgenie.billing.notices import MovedUsage, UsageNotices
from callgenie.billing.service import UsageService
from callgenie.billing.terms import TermsReader
from callgenie.conversations.daily import DailyUsageReader
from callgenie.conversations.follow_up_plan import FOLLOW_UPS, FollowUpPlan
from callgenie.conversations.live_store import LiveCallStore
from callgenie.conversations.recording import Recording
from callgenie.conversations.recording_store import RecordingStore
from callgenie.conversations.service import ConversationService
from callgenie.conversations.settlement import Settlement
from callgenie.conversations.store import ConversationStore
from callgenie.conversations.totals_store import TotalsStore
from callgenie.conversations.unanswered.store import UnansweredQuestionStore
from callgenie.http.pages import CursorSigner
from callgenie.jobs.outbox_store import OutboxStore
from callgenie.kernel.clock import Clock
from callgenie.kernel.ids import Randomness
from callgenie.kernel.secret_file import Secrets
from callgenie.lifecycle.belongings_store import BelongingsStore
from callgenie.lifecycle.export import AccountExport
from callgenie.lifecycle.signup import SignUp
from callgenie.mongo.client import Database
from callgenie.numbers.service import NumberPool
from callgenie.numbers.store import NumberStore
from callgenie.profiles.service import ProfileService
from callgenie.profiles.store import ProfileStore
from callgenie.recordings.object_store import ObjectStore
from callgenie.settings import Settings
from callgenie.users.account_mail import AccountMail
from callgenie.users.accounts import Accounts
from callgenie.users.api_key_store import ApiKeyStore
from callgenie.users.api_keys import ApiKeys
from callgenie.users.credential_store import CredentialStore
from callgenie.users.one_time_token_store import OneTimeTokenStore
from callgenie.users.password_changes import PasswordChanges
from callgenie.users.passwords import PasswordHasher
from callgenie.users.registration_store import RegistrationStore
from callgenie.users.registrations import Registrations
from callgenie.users.session_store import SessionStore
from callgenie.users.sessions import Sessions
from callgenie.users.store import UserStore
from callgenie.users.tokens import AccessTokens, RefreshTokens
from callgenie.webhooks.delivery_store import DeliveryStore
from callgenie.webhooks.endpoint_store import EndpointStore
from callgenie.webhooks.events import WebhookEvents
from callgenie.wiring.limits import build_attempts
from callgenie.wiring.recordings import build_object_store
from callgenie.wiring.voices import options_of


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
    webhook_events: WebhookEvents
    follow_up_plan: FollowUpPlan
    cursors: CursorSigner
    numbers: NumberPool
    ledger: UsageLedger
    terms: TermsReader
    usage: UsageService
    conversations: ConversationService
    daily_usage: DailyUsageReader
    account_export: AccountExport
    recording: Recording
    recording_store: ObjectStore
    passwords: PasswordHasher


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
    profiles = ProfileService(ProfileStore(db), users, options_of(settings))
    attempts = build_attempts(settings, database, clock)
    endpoints = EndpointStore(db)
    webhook_events = WebhookEvents(endpoints, DeliveryStore(db))
    follow_up_plan = FollowUpPlan(FOLLOW_UPS, endpoints)
    moved = MovedUsage()
    ledger, terms, cursors = UsageLedger(db, moved.note), TermsReader(users, profiles), CursorSigner(secrets.jwt_secret)
    usage = UsageService(ledger, terms, clock, JoinedStore(db))
    recording_store = build_object_store(settings)
    recording = Recording(
        store=RecordingStore(db, follow_up_plan),
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
        usage_notices=UsageNotices(moved, ledger, terms, outbox, clock, webhook_events),
        webhook_events=webhook_events,
        follow_up_plan=follow_up_plan,
        cursors=cursors,
        numbers=NumberPool(NumberStore(db)),
        ledger=ledger,
        terms=terms,
        usage=usage,
        conversations=ConversationService(
            ConversationStore(db), recording, cursors, on_deleted=UnansweredQuestionStore(db).forget
        ),
        daily_usage=DailyUsageReader(TotalsStore(db), profiles, clock),
        account_export=AccountExport(BelongingsStore(db), recording_store, clock),
        recording_store=recording_store,
        recording=recording,
        passwords=passwords,
    )
