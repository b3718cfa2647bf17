"""Agreement and denial: the forms of yes and no, and which detail of what we read back is said to be wrong.

Yes and no are closed language, so these are rules: a false yes confirms a wrong number, and a false no loses a message.
"""

import re
from enum import StrEnum
from typing import Final

from callgenie.understanding.fillers import without_hesitation
from callgenie.understanding.text import words_of


class Detail(StrEnum):
    """A detail of a message that may be wrong."""

    NAME = "name"
    NUMBER = "number"


_YES: Final = frozenset(
    words_of(
        "yes yeah yea yep yup ya aye sure okay ok absolutely correct right exactly perfect fine certainly"
        " definitely indeed affirmative agreed totally"
    )
)
# Of "yeah no" and "no, yes" the last word counts.
_PLAIN_YES: Final = frozenset(words_of("yes yeah yea yep yup"))
_NO: Final = frozenset(words_of("no nope nah wrong incorrect negative"))

_THANKS: Final = r"(?: (?:please|thanks|thank you|cheers|then|very much|so much|a lot|indeed|again|sir|ma'am|madam))*"
_GOOD: Final = (
    r"(?:good|great|fine|perfect|lovely|wonderful|excellent|brilliant|fantastic|cool|alright|all right|okay|ok|right"
    r"|correct|nice|super|splendid|ideal|helpful|true|it)"
)
_SAID_TO_BE: Final = r"(?:(?:that|it|this|all|everything)(?:'s| is|'ll be| will be|'d be| would be)? )?"
_APPROVAL: Final = (
    rf"{_SAID_TO_BE}(?:all |just |very |really )?(?:(?:sounds|looks|seems) )?(?:all |just |very |really |about )?"
    rf"{_GOOD}"
    r"(?: (?:to|for|by|with) me| enough| idea)?"
    r"|(?:uh|mm|m|hm) ?-?h[mu]+h?m*|mhm+"
    r"|you (?:got|have|'ve got) it|you've got it|got it|you bet|spot on|go (?:ahead|on|for it)"
    r"|(?:yes |sure |okay |oh )?please|(?:please |let's |just )?do(?: so| that| it)?|by all means|of course|why not"
    r"|that works(?: for me)?|works for me|that'll do(?: nicely)?|makes sense|as i said"
    r"|i think so|suits me(?: fine)?|for sure|bang on|you've got that right|too right"
    r"|no (?:problem|worries)(?: at all)?|not a problem"
    r"|it is|it does|i (?:do|did|would|am|agree)|we (?:do|did|would)"
    r"|i(?:'d| would) (?:like|love|appreciate) (?:that|to|it)"
    r"|(?:that's|that is|it's|exactly) (?:exactly )?(?:what i (?:said|meant|want|wanted)|the one)"
)
_APPROVAL_WITH_THANKS: Final = re.compile(rf"(?:{_APPROVAL}){_THANKS}")
_SAYS_IT_IS_RIGHT: Final = re.compile(r"\b(?:that'?s|that is|it'?s|it is) (?:right|correct|fine|perfect|it)\b")
# "No, that's right": it was about a doubt.
_RIGHT_AFTER_ALL: Final = re.compile(r"\b(?:that'?s|that is|it'?s|it is) (?:right|correct|what i said)\b")
_REFUSAL: Final = re.compile(
    r"(?:not (?:really|now|today|necessary)|i don't(?: think so| want (?:that|to|you to))?"
    r"|i never said that|please don't|not at all"
    r"|i do not(?: think so)?|i didn't|it doesn't"
    r"|i(?:'d| would) rather not(?: say)?|rather not|that won't be necessary|don't bother|leave it"
    rf"|i(?:'m| am) (?:good|fine|okay|ok|all right|alright|all set))(?: for now)?{_THANKS}"
)
_DISAGREES: Final = re.compile(r"\b(?:not|isn'?t|wrong|incorrect)\b")
_NO_DISAGREEMENT: Final = re.compile(r"\b(?:why not|not a problem|not too bad|no (?:problem|worries))\b")
# "Yes, but the number is wrong" is half a yes.
_RESERVATION: Final = re.compile(r"\b(?:but|except|although|though|only)\b")
_WORDS_OF_A_REJECTION: Final = 6
# "I think so yes": of a short answer the last word counts as well.
_WORDS_BEFORE_YES: Final = 5

_IS_WRONG: Final = (
    r"(?:wrong|incorrect|not (?:quite )?(?:right|correct|mine|it)|isn't (?:quite )?(?:right|correct|mine)|misspelled"
    r"|spelled wrong|off|different|changed)"
)
_WORDS_FOR: Final = {
    Detail.NUMBER: r"(?:(?:phone |telephone |mobile |cell )?numbers?|digits?)",
    Detail.NAME: r"(?:(?:first |last )?names?|surname)",
}
_DENIES: Final = {
    detail: re.compile(
        rf"\b{words}(?:'s)?"
        rf"(?: (?:is|was|are|you (?:said|have|read)|i (?:said|gave|told) you|that|there|all|still|a bit))*"
        rf" {_IS_WRONG}\b"
        rf"|\b(?:wrong|incorrect|different) {words}\b"
        rf"|\b(?:not|isn't|wasn't) (?:my|the|our) (?:right |correct )?{words}\b"
    )
    for detail, words in _WORDS_FOR.items()
}


def is_agreement(text: str) -> bool:
    """Return true for an unreserved yes."""
    words = without_hesitation(words_of(text))
    plain = _plain(text)
    if not plain or _disagrees(plain) or (words[:1] and words[0] in _YES and _RESERVATION.search(plain)):
        return False
    polarity = _polarity(words)
    if polarity is not None:
        return polarity or _RIGHT_AFTER_ALL.search(plain) is not None
    if words and (words[0] in _YES or (words[-1] in _PLAIN_YES and len(words) <= _WORDS_BEFORE_YES)):
        return True
    return any(map(_APPROVAL_WITH_THANKS.fullmatch, (plain, " ".join(words)))) or bool(_SAYS_IT_IS_RIGHT.search(plain))


def is_denial(text: str) -> bool:
    """Return true for a no, or for words that say that something is not so."""
    words = without_hesitation(words_of(text))
    plain = " ".join(words)
    if not words or is_agreement(text):
        return False
    if _polarity(words) is False or words[0] in _NO or _REFUSAL.fullmatch(plain):
        return True
    if words[0] in _YES:
        return _disagrees(plain) and not _RESERVATION.search(plain) and len(words) <= _WORDS_OF_A_REJECTION
    return _disagrees(plain)


def rejects_all(text: str) -> bool:
    """Tell whether a denial is of all that we read back, and not one of many words in an addition to it."""
    words = without_hesitation(words_of(text))
    return is_denial(text) and (_polarity(words) is False or len(words) <= _WORDS_OF_A_REJECTION)


def begins_with_no(text: str) -> bool:
    """Tell whether an answer begins with a no."""
    words = without_hesitation(words_of(text))
    if is_agreement(text):
        return False
    return bool(words) and (words[0] in _NO or _REFUSAL.fullmatch(" ".join(words)) is not None)


def details_denied(text: str) -> frozenset[Detail]:
    """Return which details of a message somebody says are wrong, without saying what is right."""
    plain = _plain(text)
    return frozenset(detail for detail, pattern in _DENIES.items() if pattern.search(plain))


def _plain(text: str) -> str:
    return " ".join(words_of(text))


def _polarity(words: list[str]) -> bool | None:
    """Return what the yes and no at the beginning come to, the last of them; None if it begins with neither."""
    found: bool | None = None
    for at, word in enumerate(words):
        if word in _NO and " ".join(words[at : at + 2]) not in {"no problem", "no worries"}:
            found = False
        elif word in _PLAIN_YES:
            found = True
        elif word not in {"uh", "um", "oh", "well", "wait", "sorry"}:
            break
    return found


def _disagrees(plain: str) -> bool:
    return _DISAGREES.search(_NO_DISAGREEMENT.sub(" ", plain)) is not None
