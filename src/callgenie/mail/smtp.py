"""Mail over SMTP (RFC 5321)."""

import asyncio
import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from enum import StrEnum
from typing import Final

import aiosmtplib

from callgenie.mail.errors import MailRefusedError, MailServerAwayError
from callgenie.mail.models import Mail
from callgenie.mail.rendering import as_html, as_text, one_line

# For each step of the conversation. A server that needs longer is tried again later.
TIMEOUT_SECONDS: Final = 20.0
# All steps together have this many times as much, which is less than the outbox's lease: nobody else sends meanwhile.
_STEPS_MAX: Final = 3
# 5xx: the same mail will be refused again (RFC 5321, 4.2.1).
_FOR_GOOD: Final = 500
# RFC 8314, 3.3.
IMPLICIT_TLS_PORT: Final = 465
SUBMISSION_PORT: Final = 587
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class Tls(StrEnum):
    """How the connection is made private."""

    AUTO = "auto"
    STARTTLS = "starttls"
    IMPLICIT = "tls"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where mail is handed over, and as whom."""

    host: str
    port: int
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: Tls = Tls.AUTO

    @property
    def implicit_tls(self) -> bool:
        """Whether the connection begins with TLS."""
        return self.tls is Tls.IMPLICIT or (self.tls is Tls.AUTO and self.port == IMPLICIT_TLS_PORT)

    @property
    def start_tls(self) -> bool | None:
        """Whether STARTTLS is demanded, left out, or (None) used where it is offered.

        A password is only sent in the clear to this very machine: whoever can hide the offer could read it. And there
        nobody listens in, while a certificate for `localhost` is hardly ever one that can be verified.
        """
        if self.tls is not Tls.AUTO:
            return self.tls is Tls.STARTTLS
        if self.implicit_tls or self.host in _LOOPBACK:
            return False
        return None if self.username is None else True


class SmtpMailer:
    """Hands each mail to the server over a connection of its own: mails are few, and servers close idle ones."""

    delivers = True

    def __init__(self, server: SmtpServer, *, sender: str, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._server = server
        self._sender = sender
        self._timeout = timeout_seconds

    async def send(self, mail: Mail) -> None:
        """Hand the mail over.

        Raises:
            MailRefusedError: It will never be taken.
            MailServerAwayError: It may be taken later.
        """
        server = self._server
        with _judged():
            async with asyncio.timeout(self._timeout * _STEPS_MAX):
                await aiosmtplib.send(
                    message_of(mail, self._sender),
                    hostname=server.host,
                    port=server.port,
                    username=server.username,
                    password=server.password,
                    use_tls=server.implicit_tls,
                    start_tls=server.start_tls,
                    timeout=self._timeout,
                )

    async def sign_in(self) -> None:
        """Do all that comes before a mail, and send none.

        Raises:
            MailServerAwayError: The server cannot be reached, or does not accept us.
        """
        server = self._server
        with _judged():
            async with aiosmtplib.SMTP(
                hostname=server.host,
                port=server.port,
                username=server.username,
                password=server.password,
                use_tls=server.implicit_tls,
                start_tls=server.start_tls,
                timeout=self._timeout,
            ) as connection:
                await connection.noop()


def message_of(mail: Mail, sender: str) -> EmailMessage:
    """Return the mail as it is sent: text first, HTML beside it (RFC 2046, 5.1.4)."""
    message = EmailMessage(policy.SMTP)
    message["From"] = sender
    message["To"] = mail.to
    message["Subject"] = one_line(mail.letter.subject)
    message["Date"] = format_datetime(mail.written_at)
    message["Message-ID"] = message_id(mail.id, sender)
    # RFC 3834: no out-of-office reply is wanted.
    message["Auto-Submitted"] = "auto-generated"
    text, page = as_text(mail.letter), as_html(mail.letter)
    # Links are longer than a line should be, and plain bytes keep them whole for whoever reads the raw mail.
    message.set_content(text, cte="7bit" if text.isascii() else "quoted-printable")
    message.add_alternative(page, subtype="html", cte="7bit" if page.isascii() else "quoted-printable")
    return message


def default_sender(host: str) -> str:
    """Return whom mail comes from when nobody has said; an address (no name) is nobody's mail domain."""
    domain = host if re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z][a-z0-9-]*", host) else "localhost"
    return f"CallGenie <callgenie@{domain}>"


def message_id(mail_id: str, sender: str) -> str:
    """Return the one Message-ID of a mail; its own id may hold a user's, which is nobody else's business."""
    domain = parseaddr(sender)[1].rpartition("@")[2] or "localhost"
    return f"<{hashlib.sha256(mail_id.encode()).hexdigest()[:40]}@{domain}>"


@contextmanager
def _judged() -> Iterator[None]:
    """Tell what will never go from what may go later; nothing here quotes an address or a password."""
    try:
        yield
    except aiosmtplib.SMTPRecipientsRefused as error:
        code = error.recipients[0].code if error.recipients else 0
        raise _judgement(code, "the recipient") from error
    except (aiosmtplib.SMTPRecipientRefused, aiosmtplib.SMTPDataError) as error:
        raise _judgement(error.code, "the mail") from error
    except aiosmtplib.SMTPResponseException as error:
        # Signing in, the sender, the greeting: what an operator mends, after which everything goes.
        raise MailServerAwayError(f"The mail server answered {error.code} ({type(error).__name__}).") from error
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        raise MailServerAwayError(f"The mail server cannot be used ({type(error).__name__}).") from error


def _judgement(code: int, what: str) -> MailRefusedError | MailServerAwayError:
    if code >= _FOR_GOOD:
        return MailRefusedError(f"The mail server refused {what} ({code}).")
    return MailServerAwayError(f"The mail server does not take {what} now ({code}).")
