"""A real SMTP server in the test's own loop; what it takes is there to be read."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope

from callgenie.mail.smtp import SmtpMailer, SmtpServer


@dataclass
class Letterbox:
    """What arrived, after `slow_seconds`. `refuse` answers the recipient; `drop_after_data` hangs up on a mail."""

    messages: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    refuse: str | None = None
    drop_after_data: bool = False
    slow_seconds: float = 0
    port: int = 0

    async def handle_RCPT(  # noqa: N802 -- aiosmtpd's name for it
        self, _server: SMTP, _session: Any, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        await asyncio.sleep(self.slow_seconds)
        if self.refuse is not None:
            return self.refuse
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Any, envelope: Envelope) -> str:  # noqa: N802 -- the same
        content = envelope.content
        assert isinstance(content, bytes)
        self.raw.append(content)
        self.messages.append(message_from_bytes(content, policy=policy.default))
        self.recipients += envelope.rcpt_tos
        if self.drop_after_data:
            assert isinstance(server.transport, asyncio.WriteTransport)
            server.transport.abort()
        return "250 OK"

    def texts(self) -> list[str]:
        """Return the plain text of each mail."""
        return [text_of(message) for message in self.messages]

    def tokens(self) -> list[str]:
        """Return the token of each mail's link."""
        return [token_in(text) for text in self.texts()]

    def mailer(self, sender: str = "CallGenie <hello@callgenie.test>") -> SmtpMailer:
        return SmtpMailer(SmtpServer("127.0.0.1", self.port), sender=sender, timeout_seconds=5)


def text_of(message: EmailMessage, kind: str = "plain") -> str:
    body = message.get_body((kind,))
    assert body is not None
    content = body.get_content()
    assert isinstance(content, str)
    return content


def token_in(text: str) -> str:
    found = re.search(r"\?token=([A-Za-z0-9_-]{43})(?:\s|$)", text)
    assert found is not None, text
    return found[1]


def address_in(text: str) -> str:
    """Return the one address that a mail leads to."""
    (address,) = re.findall(r"https?://\S+", text)
    assert isinstance(address, str)
    return address


@asynccontextmanager
async def mail_sink(letterbox: Letterbox | None = None) -> AsyncIterator[Letterbox]:
    """Take mail on a free port, or on the letterbox's own when it had one before."""
    letterbox = letterbox or Letterbox()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(letterbox, hostname="sink.test", enable_SMTPUTF8=True, loop=loop), "127.0.0.1", letterbox.port
    )
    letterbox.port = server.sockets[0].getsockname()[1]
    try:
        yield letterbox
    finally:
        server.close()
        await server.wait_closed()
