"""Words that carry no meaning of their own: a speaker's hesitation, and the courtesy around what is meant."""

from collections.abc import Sequence
from typing import Final

from callgenie.understanding.text import words_of

HESITATION: Final = frozenset(words_of("ah er erm eh hm hmm mm oh so uh um well"))
COURTESY: Final = frozenset(
    words_of(
        "a again alright and appreciate bless but cheers dear everyone everything for great help i i'll it kindly lot"
        " lovely ma'am madam mate miss much now ok okay please really sir so sorry thank thanks that the then time very"
        " yeah yes you you've your been"
    )
)


def without_hesitation(words: Sequence[str]) -> list[str]:
    """Return words from the first that is no hesitation on: "uh, yes" is "yes"."""
    start = next((at for at, word in enumerate(words) if word not in HESITATION), len(words))
    return list(words[start:])


def is_courtesy(words: Sequence[str]) -> bool:
    """Tell whether words are nothing but hesitation and courtesy, or none at all."""
    return all(word in COURTESY or word in HESITATION for word in words)
