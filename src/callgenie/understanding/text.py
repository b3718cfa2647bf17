"""Text as models and rules read it: normalised in the same way in training and at run time, and split into words."""

import re
from typing import Final

_NOT_SPOKEN: Final = re.compile(r"[^\w'$%:&+-]+")
_APOSTROPHES: Final = str.maketrans({"\N{RIGHT SINGLE QUOTATION MARK}": "'", "\N{LEFT SINGLE QUOTATION MARK}": "'"})
_WORD: Final = re.compile(r"[^\W_]+(?:['\N{RIGHT SINGLE QUOTATION MARK}-][^\W_]+)*")


def bare(text: str) -> str:
    """Return `text` in lower case without punctuation.

    Recognisers put full stops and question marks anywhere, so the marks carry no information that can be relied upon.
    """
    return " ".join(_NOT_SPOKEN.sub(" ", text.translate(_APOSTROPHES).lower()).split())


def words_of(text: str) -> list[str]:
    """Return the words of `text` in lower case, without punctuation."""
    return [word.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'") for word in _WORD.findall(text.lower())]


# Words of a question that do not change what it is about. Words that do, such as "how", "when", "not" and "without",
# are not among them.
_SMALL_WORDS: Final = frozenset(
    "a afternoon am an and any are at can could do does evening for good had has have hello hey hi i in is it just know"  # noqa: SIM905 - to be read
    " like me morning my of okay on our please so some tell thank thanks that the there to uh um us want we well would"
    " yes you your".split()
)


def content_words(text: str) -> frozenset[str]:
    """Return the words of `text` that say what it is about, without the plural's s."""
    words = (word.strip(":-&+") for word in bare(text).split())
    return frozenset(word.removesuffix("s") for word in words if word and word not in _SMALL_WORDS)
