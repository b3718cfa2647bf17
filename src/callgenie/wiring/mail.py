"""How mail is written and gets out."""

from urllib.parse import unquote, urlsplit

from callgenie.billing.notices import KINDS, UsageNoticeWriter
from callgenie.conversations.message_mail import MESSAGE, MessageWriter
from callgenie.conversations.store import ConversationStore
from callgenie.jobs.outbox import Delivery
from callgenie.kernel.secret_file import Secrets
from callgenie.mail.console import ConsoleMailer
from callgenie.mail.models import Mailer
from callgenie.mail.smtp import IMPLICIT_TLS_PORT, SUBMISSION_PORT, SmtpMailer, SmtpServer, Tls, default_sender
from callgenie.settings import Settings
from callgenie.users.letters import Links, account_writers
from callgenie.users.one_time_token_store import OneTimeTokenStore
from callgenie.users.one_time_tokens import OneTimeTokens
from callgenie.users.registration_store import RegistrationStore
from callgenie.users.store import UserStore
from callgenie.webhooks.notices import WEBHOOK_OFF, WebhookOffWriter
from callgenie.wiring.records import Records


def build_delivery(records: Records, secrets: Secrets, *, origin: str) -> Delivery:
    """Put together what writes and sends mail; links in it lead to `origin`."""
    db = records.database.db
    users, tokens = UserStore(db), OneTimeTokens(secrets.jwt_secret)
    links = Links(origin, tokens, OneTimeTokenStore(db))
    writers = {
        **account_writers(users, RegistrationStore(db), links),
        **dict.fromkeys(KINDS, UsageNoticeWriter(users, origin)),
        MESSAGE: MessageWriter(ConversationStore(db), records.profiles, users, origin),
        WEBHOOK_OFF: WebhookOffWriter(users, origin),
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
