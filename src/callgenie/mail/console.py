"""Mail without a mail server: the link is written to the log, for whoever tries CallGenie on their own machine."""

from typing import Final

import structlog

from callgenie.mail.models import Mail

_log = structlog.get_logger(__name__)

MAIL_KEPT: Final = "mail.kept"


class ConsoleMailer:
    """Sends nothing. The outbox keeps the mail, and `callgenie mail` shows it."""

    delivers = False

    async def send(self, mail: Mail) -> None:
        """Write the link, with the token in it, to the log: here, and nowhere else, that is what is wanted."""
        action = mail.letter.action
        _log.info(
            MAIL_KEPT,
            mail=mail.id,
            link=action.link if action else None,
            hint="no mail server is set (SMTP_URL); read it with `callgenie mail`",
        )
