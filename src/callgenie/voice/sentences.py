"""Where sentences end: cuts a stream of text into pieces that can be spoken, and to the length it may have."""

import re
from collections.abc import Iterator
from typing import Final

from callgenie.kernel.vocabulary import ResponseLength

# How many sentences an answer of each length may have. Nobody listens to more than a dozen.
SENTENCES_MAX: Final = {ResponseLength.SHORT: 2, ResponseLength.MEDIUM: 4, ResponseLength.LONG: 12}

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
    for end in _ends_of_sentences(text):
        sentences.append(text[start:end].strip())
        start = end
    return [sentence for sentence in [*sentences, text[start:].strip()] if sentence]


def first_sentence_end(text: str) -> int | None:
    """Return where the first sentence of a text that goes on ends, or None if that is not known yet."""
    return next(_ends_of_sentences(text), None)


def _ends_of_sentences(text: str) -> Iterator[int]:
    for end in _SENTENCE_END.finditer(text):
        if end.group().isspace() or not _ABBREVIATION.search(text[: end.end()]):
            yield end.end()


class SentenceLimit:
    """Lets a text through as it is made, up to the end of its last sentence that is allowed."""

    def __init__(self, sentences_max: int) -> None:
        self._left = sentences_max
        self._sentence = ""

    def push(self, text: str) -> str:
        """Take the next text and return what of it may be said."""
        if self._left <= 0:
            return ""
        passed = len(self._sentence)
        self._sentence += text
        start = 0
        for end in _ends_of_sentences(self._sentence):
            # Line breaks after a full stop are an end without a sentence.
            self._left -= any(character.isalnum() for character in self._sentence[start:end])
            start = end
            if self._left <= 0:
                return self._sentence[passed:end]
        self._sentence = self._sentence[start:]
        return text


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
        for end in _ends_of_sentences(self._rest):
            return min(end, self._breath()) if end > _PIECE_CHARACTERS_MAX else end
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
