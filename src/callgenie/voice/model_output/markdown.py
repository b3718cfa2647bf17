"""Markdown and symbols within a line, taken out so that what is left can be spoken."""

import html
import re
import unicodedata
from typing import Final

_ESCAPE: Final = re.compile(r"\\([\\`*_{}\[\]()#+.!$|>~-])")
_IMAGE: Final = re.compile(r"!\[[^\]]*\]\([^)]*\)")
_LINK: Final = re.compile(r"\[([^\]]+)\](?:\([^)]*\)|\[[^\]]*\])")
_AUTOLINK: Final = re.compile(r"<(https?://[^<>\s]+|[^<>@\s]+@[^<>\s]+)>")
_TAG: Final = re.compile(r"</?[A-Za-z][^<>]{0,200}>")

# Nobody emphasises these words in a sentence that is meant to be spoken. A business may be called Smiles Dental.
_ACTING: Final = (
    r"(?:[A-Za-z]?[a-z]+ly\s+)?(?:[Ss]mil|[Ll]augh|[Cc]huckl|[Gg]iggl|[Gg]rinn?|[Ss]igh|[Pp]aus|[Nn]odd?|[Ww]ink|[Cc]ough"
    r"|[Gg]asp|[Ss]hrugg?|[Ww]hisper|[Cc]lear(?:s|ing)\sthroat)(?:e|es|s|ing|ed)?(?:\s+[a-z][^*()]*)?"
)
_ACTED: Final = re.compile(rf"\*{_ACTING}\*|\({_ACTING}\)")
_SOUNDS: Final = re.compile(
    r"\((?:pause|beat|silence|music|hold music|typing|beep|inaudible|end of call)\)", re.IGNORECASE
)
# "*checks the calendar* We are open": a clause of its own, in lower case, with a new sentence after it.
_DIRECTION: Final = re.compile(
    r"(?:(?<=^)|(?<=[.!?]\s))\*(?!\*)[a-z]+(?:s|ing)\b[^*]{0,80}\*(?!\*)(?=\s*(?:$|[\"'(]?[A-Z]))"
)
_BRACKETS: Final = re.compile(r"\[[^\[\]]*\]")

_PRODUCT: Final = re.compile(r"(?<=\d)\s*\*\s*(?=\d)")
_UNDERSCORES: Final = re.compile(r"(?<![^\W_])_+|_+(?![^\W_])")
_ABOUT: Final = re.compile(r"~\s?(?=[$\N{POUND SIGN}\N{EURO SIGN}]?\d)")
_NUMBER_SIGN: Final = re.compile(r"#(?=\d)")
_LEFT_OVER: Final = re.compile(r"[*`~#\\<>{}^]")
_EMOTICON: Final = re.compile(r"(?:(?<=\s)|^)(?:[:;=]-?[)(DPp]|<3)(?=\s|$)")

_EMPTY_BRACKETS: Final = re.compile(r"\(\s*\)")
_SPACES: Final = re.compile(r"[ \t\r\f\v\N{NO-BREAK SPACE}]+")
_SPACE_BEFORE_MARK: Final = re.compile(r"[ ]+(?=[,!?;:](?:\s|$)|\.(?:\s|$))")

_UNSPOKEN: Final = frozenset({"So", "Sk", "Cs", "Co", "Cn", "Cc", "Cf"})
_SPOKEN_SYMBOLS: Final = frozenset("\N{DEGREE SIGN}\n\t\r")
_SPOKEN_MATHS: Final = frozenset("+=\N{PLUS-MINUS SIGN}\N{MULTIPLICATION SIGN}\N{DIVISION SIGN}<>|~")
_JOINERS: Final = frozenset("\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}")
_EMOJI_MODIFIERS: Final = re.compile(
    "[\N{VARIATION SELECTOR-1}-\N{VARIATION SELECTOR-16}\N{COMBINING ENCLOSING KEYCAP}]"
)


def spoken_inline(text: str) -> str:
    """Return a part of a line without Markdown, tags, stage directions and symbols."""
    if "&" in text:
        text = html.unescape(text)
    text = _ESCAPE.sub(r"\1", text)
    text = _LINK.sub(r"\1", _IMAGE.sub("", text))
    text = _TAG.sub(" ", _AUTOLINK.sub(r"\1", text))
    text = _DIRECTION.sub("", _SOUNDS.sub("", _ACTED.sub("", text)))
    text = _BRACKETS.sub("", text)
    text = _EMOTICON.sub("", _ABOUT.sub("about ", _PRODUCT.sub(" times ", text)))
    text = _without_symbols(text)
    text = _NUMBER_SIGN.sub("number ", _UNDERSCORES.sub("", text))
    text = re.sub(r"\s*\|\s*", ", ", text)
    text = _EMPTY_BRACKETS.sub("", _LEFT_OVER.sub("", text))
    return _SPACE_BEFORE_MARK.sub("", _SPACES.sub(" ", text)).strip()


def _without_symbols(text: str) -> str:
    if text.isascii():
        return text
    kept: list[str] = []
    for character in _EMOJI_MODIFIERS.sub("", text):
        category = unicodedata.category(character)
        if character in _JOINERS:
            # Scripts of India and Persia need them between letters; elsewhere they join emoji.
            spoken = bool(kept) and kept[-1].isalpha()
        elif category == "Sm":
            spoken = character in _SPOKEN_MATHS
        else:
            spoken = category not in _UNSPOKEN or character in _SPOKEN_SYMBOLS
        kept.append(character if spoken else " ")
    return "".join(kept)
