from datetime import UTC, datetime

from structlog.testing import capture_logs

from callgenie.mail.console import MAIL_KEPT, ConsoleMailer
from callgenie.mail.models import Action, Letter, Mail
from callgenie.observability.logging import PRIVATE_KEYS

LINK = "https://calls.example.com/verify-email?token=secret"


async def test_the_link_is_written_to_the_log_once_and_the_address_is_not() -> None:
    letter = Letter("Confirm", "Hello Jane,", (), Action("Confirm", LINK))
    with capture_logs() as lines:
        await ConsoleMailer().send(Mail("verify:1:0", "owner@example.com", letter, datetime.now(UTC)))
    (line,) = lines
    assert (line["event"], line["link"]) == (MAIL_KEPT, LINK)
    assert "link" not in PRIVATE_KEYS
    assert "owner@example.com" not in str(line)
