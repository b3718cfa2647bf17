"""What a mail is."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Action:
    """The one thing that a letter asks for."""

    label: str
    link: str


@dataclass(frozen=True, slots=True)
class Letter:
    """What we say. Everything in it is plain text, also what users wrote; it is escaped where it becomes HTML.

    Attributes:
        greeting: The first line.
        paragraphs: What is said before the action.
        closing: What is said after it.
    """

    subject: str
    greeting: str
    paragraphs: tuple[str, ...]
    action: Action | None = None
    closing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mail:
    """A letter on its way. `id` never changes, however often it is tried: a repetition can be recognised by it."""

    id: str
    to: str
    letter: Letter
    written_at: datetime


class Mailer(Protocol):
    """How mail gets out."""

    @property
    def delivers(self) -> bool:
        """Whether mail reaches anybody; if not, it stays with us to be read by the operator."""
        ...

    async def send(self, mail: Mail) -> None:
        """Hand the mail over.

        Raises:
            MailRefusedError: It will never be taken.
            MailServerAwayError: It may be taken later.
        """
        ...
