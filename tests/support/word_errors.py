"""How many words a transcript gets wrong."""

import re
from collections.abc import Iterable

_SPELLINGS = {"okay": "ok", "goodbye": "good bye", "o'clock": "oclock"}
_NUMBERS = dict(
    zip("zero one two three four five six seven eight nine ten".split(), map(str, range(11)), strict=True),  # noqa: SIM905 - shorter
)


def words(text: str) -> list[str]:
    """Return the words of a text as they are compared: lower case, no punctuation, small numbers as digits."""
    spelled = re.sub(r"(\d)", r" \1 ", text.lower().replace("-", " "))
    found = re.findall(r"[a-z']+|\d", spelled)
    return " ".join(_NUMBERS.get(word, _SPELLINGS.get(word, word)) for word in found).split()


def errors(said: str, heard: str) -> tuple[int, int]:
    """Return how many words must be inserted, dropped or changed, and how many were said."""
    wanted, got = words(said), words(heard)
    row = list(range(len(got) + 1))
    for at, word in enumerate(wanted, 1):
        diagonal, row[0] = row[0], at
        for column, other in enumerate(got, 1):
            diagonal, row[column] = row[column], min(row[column] + 1, row[column - 1] + 1, diagonal + (word != other))
    return row[-1], len(wanted)


def word_error_rate(pairs: Iterable[tuple[str, str]]) -> float:
    """Return the share of words that is wrong over all pairs of what was said and what was heard."""
    counts = [errors(said, heard) for said, heard in pairs]
    return sum(wrong for wrong, _ in counts) / sum(said for _, said in counts)
