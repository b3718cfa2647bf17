import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from tests.support.mail_sink import Letterbox, mail_sink, text_of
from tests.support.processes import PATIENCE_SECONDS

from callgenie.mail.errors import MailRefusedError, MailServerAwayError
from callgenie.mail.models import Action, Letter, Mail
from callgenie.mail.smtp import SmtpMailer, SmtpServer, Tls, default_sender, message_id

LETTER = Letter("Hello there", "Hello,", ("a paragraph",), Action("Go", "https://example.com/" + "x" * 120))
MAIL = Mail("verify:1:2", "owner@example.com", LETTER, datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC))


@pytest.fixture
async def sink() -> AsyncIterator[Letterbox]:
    async with mail_sink() as letterbox:
        yield letterbox


async def test_a_mail_arrives_as_text_and_as_a_page(sink: Letterbox) -> None:
    await sink.mailer().send(MAIL)
    (message,) = sink.messages
    assert sink.recipients == ["owner@example.com"]
    assert message["From"] == "CallGenie <hello@callgenie.test>"
    assert message["To"] == "owner@example.com"
    assert message["Subject"] == "Hello there"
    assert message["Date"] == "Sat, 14 Mar 2026 09:26:53 +0000"
    assert message["Auto-Submitted"] == "auto-generated"
    assert "a paragraph" in text_of(message)
    assert "<p>a paragraph</p>" in text_of(message, "html")


async def test_a_long_link_is_whole_in_the_raw_mail(sink: Letterbox) -> None:
    await sink.mailer().send(MAIL)
    assert (b"\r\nhttps://example.com/" + b"x" * 120 + b"\r\n") in sink.raw[0]


async def test_sending_a_mail_again_shows_that_it_is_the_same(sink: Letterbox) -> None:
    await sink.mailer().send(MAIL)
    await sink.mailer().send(MAIL)
    await sink.mailer().send(replace(MAIL, id="verify:1:3"))
    first, again, other = (message["Message-ID"] for message in sink.messages)
    assert first == again == message_id("verify:1:2", "hello@callgenie.test")
    assert first.endswith("@callgenie.test>")
    assert other != first


async def test_line_breaks_and_other_scripts_in_a_subject_make_no_header(sink: Letterbox) -> None:
    hostile = replace(LETTER, subject="Hello\r\nBcc: x@example.com", greeting="Grüß Gott, 李明,")
    await sink.mailer().send(replace(MAIL, letter=hostile))
    (message,) = sink.messages
    assert message["Bcc"] is None
    assert message["Subject"] == "Hello Bcc: x@example.com"
    assert sink.recipients == ["owner@example.com"]
    assert "Grüß Gott, 李明," in text_of(message)
    assert "Grüß Gott, 李明," in text_of(message, "html")


async def test_an_address_beyond_ascii_is_written_to(sink: Letterbox) -> None:
    await sink.mailer().send(replace(MAIL, to="jörg@example.com"))
    assert sink.recipients == ["jörg@example.com"]


async def test_a_mailbox_that_does_not_exist_is_refused_for_good(sink: Letterbox) -> None:
    sink.refuse = "550 no such mailbox"
    with pytest.raises(MailRefusedError):
        await sink.mailer().send(MAIL)


async def test_a_full_mailbox_is_tried_again(sink: Letterbox) -> None:
    sink.refuse = "452 full"
    with pytest.raises(MailServerAwayError):
        await sink.mailer().send(MAIL)


async def test_a_server_that_is_not_there_is_tried_again() -> None:
    async with mail_sink() as gone:
        mailer = gone.mailer()
    with pytest.raises(MailServerAwayError) as refusal:
        await mailer.send(MAIL)
    assert "owner@" not in str(refusal.value)


async def test_a_server_that_says_nothing_does_not_hold_the_outbox_up() -> None:
    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.close()

    over = asyncio.Event()
    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        mailer = SmtpMailer(SmtpServer("127.0.0.1", port), sender="x@y.test", timeout_seconds=0.2)
        async with asyncio.timeout(PATIENCE_SECONDS):
            with pytest.raises(MailServerAwayError):
                await mailer.send(MAIL)
        over.set()


async def test_a_password_is_never_sent_in_the_clear_over_the_network(sink: Letterbox) -> None:
    assert SmtpServer("mail.example.com", 587, "user", "secret").start_tls is True
    assert SmtpServer("mail.example.com", 587).start_tls is None
    assert SmtpServer("127.0.0.1", 587, "user", "secret").start_tls is False
    assert SmtpServer("mail.example.com", 465, "user", "secret").implicit_tls
    assert "secret" not in repr(SmtpServer("mail.example.com", 587, "user", "secret"))
    # The sink offers no STARTTLS; where it is demanded, nothing is sent.
    with pytest.raises(MailServerAwayError):
        await SmtpMailer(SmtpServer("127.0.0.1", sink.port, tls=Tls.STARTTLS), sender="x@y.test").send(MAIL)
    assert sink.messages == []


@pytest.mark.parametrize(
    ("host", "domain"),
    [("calls.example.com", "calls.example.com"), ("127.0.0.1", "localhost"), ("::1", "localhost"), ("", "localhost")],
)
def test_without_a_sender_mail_comes_from_the_server_s_own_name(host: str, domain: str) -> None:
    assert default_sender(host) == f"CallGenie <callgenie@{domain}>"
