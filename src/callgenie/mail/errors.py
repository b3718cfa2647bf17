"""How a mail server refuses."""

from callgenie.kernel.errors import InvalidError, UnavailableError


class MailRefusedError(InvalidError):
    """The server will never take this mail: there is no such mailbox, or it must not be written to."""

    code = "mail_refused"


class MailServerAwayError(UnavailableError):
    """The server cannot be reached or does not take mail now, or not from us."""

    code = "mail_server_away"
