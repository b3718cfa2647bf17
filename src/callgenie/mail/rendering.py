"""How a letter looks: as text, and as HTML in one layout."""

import html
import unicodedata
from functools import cache
from importlib import resources
from string import Template
from typing import Final

from callgenie.mail.models import Letter

# A name may have 200 characters; in a subject or a greeting nobody reads that many.
LINE_CHARS_MAX: Final = 120


def one_line(text: str, chars_max: int = LINE_CHARS_MAX) -> str:
    """Return what somebody wrote as it may stand inside a line of ours: no break, no control character, not too long.

    A line break in a header would begin another header, and one in a text a line that looks like ours. Category C is
    what cannot be seen: controls, and the marks that turn the direction of writing.
    """
    spaced = "".join(" " if unicodedata.category(letter)[0] in "CZ" else letter for letter in text)
    line = " ".join(spaced.split())
    return line if len(line) <= chars_max else line[: chars_max - 1].rstrip() + "…"


def as_text(letter: Letter) -> str:
    """Return the letter for readers of plain text. A link stands on a line of its own, whole."""
    parts = [letter.greeting, *letter.paragraphs]
    if letter.action is not None:
        parts.append(f"{letter.action.label}:\n{letter.action.link}")
    return "\n\n".join((*parts, *letter.closing)) + "\n"


def as_html(letter: Letter) -> str:
    """Return the letter in our layout, with everything in it escaped."""
    action = ""
    if letter.action is not None:
        link = html.escape(letter.action.link)
        action = _piece("action").substitute(link=link, label=html.escape(letter.action.label))
    return _piece("layout").substitute(
        subject=html.escape(letter.subject),
        greeting=html.escape(letter.greeting),
        paragraphs=_paragraphs(letter.paragraphs),
        action=action,
        closing=_paragraphs(letter.closing),
    )


def _paragraphs(texts: tuple[str, ...]) -> str:
    return "\n".join(f"<p>{html.escape(text)}</p>" for text in texts)


@cache
def _piece(name: str) -> Template:
    return Template(resources.files("callgenie.mail").joinpath("templates", f"{name}.html").read_text("utf-8"))
