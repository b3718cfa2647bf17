"""Lines of Markdown made into spoken sentences: lists and tables as enumerations, headings as their beginnings."""

import re
from enum import Enum, auto
from typing import Final

from callgenie.voice.model_output.markdown import spoken_inline

# Nobody remembers more than this of what is enumerated on the telephone.
_ITEMS_MAX: Final = 8

# A longer item is a sentence of its own, and is counted as one.
_WORDS_OF_AN_ITEM_MAX: Final = 8

_RULE: Final = re.compile(r"\s*(?:[-=_*]\s*){3,}$")
_HEADING: Final = re.compile(r"\s{0,3}#{1,6}\s+(.*?)\s*#*\s*$")
_QUOTE: Final = re.compile(r"(?:\s{0,3}>\s?)+")
_KEYCAP: Final = "\N{VARIATION SELECTOR-16}?\N{COMBINING ENCLOSING KEYCAP}"
_ITEM: Final = re.compile(
    rf"\s*(?:[-*+\N{{EN DASH}}\N{{EM DASH}}\N{{BULLET}}\N{{WHITE BULLET}}\N{{MIDDLE DOT}}\N{{BLACK SMALL SQUARE}}"
    rf"\N{{TRIANGULAR BULLET}}\N{{CHECK MARK}}\N{{HEAVY CHECK MARK}}]\s+(?:\[[ xX]\]\s+)?"
    rf"|\d{{1,2}}[.)]\s+|\d{_KEYCAP}\s*)"
)
_TABLE_ROW: Final = re.compile(r"\s*\|")
_TABLE_RULE: Final = re.compile(r"[\s|:+-]*-[\s|:+-]*$")

_MARKER_BEGUN: Final = re.compile(r"\s*(?:\d{1,2}[.)]?|[-*+]|#{1,6}|>)?\s*$")
_ENDED: Final = re.compile(r"[.!?\N{HORIZONTAL ELLIPSIS}][\"')\]\N{RIGHT DOUBLE QUOTATION MARK}]*$")


class _Pending(Enum):
    """The end of what was given out last, where it is not the end of a sentence."""

    NOTHING = auto()
    WORDS = auto()
    LINE = auto()
    HEADING = auto()
    ITEM = auto()
    LONG_ITEM = auto()


def may_become_marker(line: str) -> bool:
    """Tell whether the beginning of a line may be that of a list item or heading, of which the text has not come."""
    return _MARKER_BEGUN.match(line) is not None


def is_table_row(line: str) -> bool:
    """Tell whether a line is a row of a table."""
    return _TABLE_ROW.match(line) is not None


class SpokenLines:
    """One answer's lines. What is given out ends with a space where a sentence ends."""

    def __init__(self) -> None:
        self._pending = _Pending.NOTHING
        self._last = ""
        self._items = 0
        self._first_row: str | None = None

    def add(self, text: str, *, begins_line: bool, ends_line: bool) -> str:
        """Take a sentence, a line, or a part of one; return what is spoken of it."""
        if begins_line and is_table_row(text):
            return self._row(text)
        out = self._flush_row()
        if begins_line and _RULE.match(text):
            return out
        if begins_line:
            text = _QUOTE.sub("", text, count=1) if _QUOTE.match(text) else text
            if heading := _HEADING.match(text):
                return out + self._give(heading[1], _Pending.HEADING)
            if item := _ITEM.match(text):
                return out + self._item(text[item.end() :])
        return out + self._give(text, _Pending.LINE if ends_line else _Pending.WORDS)

    def close(self) -> str:
        """Return what ends an enumeration that the text ended in."""
        out = self._flush_row()
        is_open = self._pending in {_Pending.ITEM, _Pending.LONG_ITEM, _Pending.HEADING} and self._last.isalnum()
        self._pending = _Pending.NOTHING
        return f"{out}." if is_open else out

    def _row(self, line: str) -> str:
        cells = [cell for cell in (spoken_inline(part) for part in line.strip().strip("|").split("|")) if cell]
        if self._first_row is not None and _TABLE_RULE.match(line):
            self._first_row = ""  # it is the head of the table, which nobody reads out
            return ""
        if not cells or _TABLE_RULE.match(line):
            return ""
        row = cells[0] if len(cells) == 1 else f"{cells[0]}: {', '.join(cells[1:])}"
        if self._first_row is None:
            self._first_row = row
            return ""
        first, self._first_row = self._first_row, ""
        return (self._item(first) if first else "") + self._item(row)

    def _flush_row(self) -> str:
        row, self._first_row = self._first_row, None
        return self._item(row) if row else ""

    def _item(self, text: str) -> str:
        self._items += 1
        if self._items > _ITEMS_MAX:
            return ""
        text = spoken_inline(text).rstrip(",; ")
        is_long = len(text.split()) > _WORDS_OF_AN_ITEM_MAX
        return self._give(text, _Pending.LONG_ITEM if is_long else _Pending.ITEM)

    def _give(self, text: str, kind: _Pending) -> str:
        text = spoken_inline(text)
        if not any(character.isalnum() for character in text):
            return ""
        is_item = kind in {_Pending.ITEM, _Pending.LONG_ITEM}
        if not is_item:
            self._items = 0
        out = self._separator(text, is_item=is_item) + text
        self._last = text[-1]
        if _ENDED.search(text):
            self._pending = _Pending.NOTHING
            return f"{out} "
        self._pending = kind
        return out

    def _separator(self, text: str, *, is_item: bool) -> str:
        # Some models break their lines within a sentence.
        goes_on = self._last in ",;:-" or (text[0].islower() and not is_item)
        separators = {
            _Pending.NOTHING: "",
            _Pending.WORDS: " ",
            _Pending.LINE: ": " if is_item else "\n",
            _Pending.HEADING: ": ",
            _Pending.ITEM: ", " if is_item else ". ",
            _Pending.LONG_ITEM: ". ",
        }
        is_joined = goes_on and self._pending in {_Pending.LINE, _Pending.HEADING}
        return " " if is_joined else separators[self._pending]
