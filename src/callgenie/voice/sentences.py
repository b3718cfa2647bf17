"""Cuts a stream of text into pieces that can be spoken: the first as early as possible, the others as sentences."""

import re
from typing import Final

# A first clause shorter than this sounds like a hiccup before the rest.
_FIRST_CLAUSE_CHARACTERS_MIN: Final = 18

# Nobody speaks longer without a breath, and an interrupted piece is recorded by proportion, so it should be short.
_PIECE_CHARACTERS_MAX: Final = 220

_SENTENCE_END: Final = re.compile(r"[.!?\N{HORIZONTAL ELLIPSIS}]+[\"')\]\N{RIGHT DOUBLE QUOTATION MARK}]*(?=\s)|\n+")
_CLAUSE_END: Final = re.compile(r"[,;:\N{EM DASH}](?=\s)|\s-(?=\s)")
_ABBREVIATION: Final = re.compile(
    r"(?:^|[\s(])(?:mr|mrs|ms|dr|prof|sr|jr|st|ave|rd|no|vs|etc|e\.g|i\.e|a\.m|p\.m|approx|dept|ext|inc|ltd|co|[a-z])\.$",
    re.IGNORECASE,
)


def sentences_of(text: str) -> list[str]:
    """Return the sentences of a whole text."""
    sentences, start = [], 0
    for end in _SENTENCE_END.finditer(text):
        if end.group().isspace() or not _ABBREVIATION.search(text[: end.end()]):
            sentences.append(text[start : end.end()].strip())
            start = end.end()
    return [sentence for sentence in [*sentences, text[start:].strip()] if sentence]


class SentenceCutter:
    """Takes text as it is made and returns what can be spoken."""

    def __init__(self) -> None:
        self._rest = ""
        self._first = True

    def push(self, text: str) -> list[str]:
        """Take the next text and return the pieces it completes."""
        self._rest += text
        pieces = []
        while (cut := self._cut()) is not None:
            pieces += self._piece(cut)
        return pieces

    def flush(self) -> list[str]:
        """Return what is left when the text is at its end."""
        pieces = []
        while len(self._rest) > _PIECE_CHARACTERS_MAX:
            pieces += self._piece(self._breath())
        return pieces + self._piece(len(self._rest))

    def _piece(self, cut: int) -> list[str]:
        piece, self._rest = self._rest[:cut].strip(), self._rest[cut:]
        if not any(character.isalnum() for character in piece):
            return []
        self._first = False
        return [piece]

    def _cut(self) -> int | None:
        for end in _SENTENCE_END.finditer(self._rest):
            if end.group().isspace() or not _ABBREVIATION.search(self._rest[: end.end()]):
                return min(end.end(), self._breath()) if end.end() > _PIECE_CHARACTERS_MAX else end.end()
        if self._first:
            for clause in _CLAUSE_END.finditer(self._rest):
                if clause.end() >= _FIRST_CLAUSE_CHARACTERS_MIN:
                    return clause.end()
        return self._breath() if len(self._rest) > _PIECE_CHARACTERS_MAX else None

    def _breath(self) -> int:
        """Return the best place to breathe within the longest piece: after a clause, else between words."""
        window = self._rest[:_PIECE_CHARACTERS_MAX]
        clauses = [clause.end() for clause in _CLAUSE_END.finditer(window)]
        return clauses[-1] if clauses else max(window.rfind(" "), 0) or _PIECE_CHARACTERS_MAX
