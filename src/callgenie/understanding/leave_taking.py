"""Leave-taking: the words with which callers end a call.

A false goodbye ends the call, so the words have to be said to us, and nothing may follow them but courtesy: "I said
goodbye to my hairdresser and need a new one" and "that's all I know about parking, how much is a haircut" take none.
"""

import re
from typing import Final

from callgenie.understanding.agreement import is_denial
from callgenie.understanding.fillers import is_courtesy
from callgenie.understanding.question_forms import asks_in_passing
from callgenie.understanding.text import words_of

_BYE: Final = r"(?:good ?bye|bye(?:[ -]?bye)*|cheerio|farewell)"
_WISH: Final = r"have (?:yourself )?an? (?:very |really )?(?:nice|good|great|lovely|wonderful|fantastic|blessed)"
_WISH_WHAT: Final = r"(?: (?:day|one|evening|weekend|afternoon|night|morning|week|time|holiday))+"
_SEE_YOU: Final = (
    r"(?:see (?:you|ya)|(?:i'll |we'll )?(?:talk|speak) to you|catch you)"
    r"(?: (?:later|soon|then|again|tomorrow|around|next week"
    r"|(?:on |next )?(?:mon|tues|wednes|thurs|fri|satur|sun)day))+"
)
_FORMULA: Final = re.compile(rf"\b(?:{_BYE}|{_WISH}{_WISH_WHAT}|{_SEE_YOU}|take care|see (?:you|ya)$)\b")
_ALL: Final = re.compile(
    r"\b(?:(?:that|this|it)(?:'s| is| was|'ll be| will be| would be|'d be)? (?:all|it|everything)|nothing else"
    r"|nothing (?:more|further)|i'?m all set|we'?re done|i'?m done)"
    r"(?: (?:i|we) (?:need(?:ed)?|want(?:ed)?)(?: to (?:know|ask|say|hear))?| (?:i|we) had| from me"
    r"| for (?:now|today|me)| i think| i guess| then)*(?=$| )"
)
# Of somebody else's goodbye, or of one that is still to come.
_NOT_TO_US: Final = re.compile(
    r"\b(?:say|said|says|saying|a|the|his|her|my|our|your|their|this|no|to|of|for|before|without|was|is|kissed?|waved?)"
    r"(?: (?:him|her|them|you|my|our|your|final|last|big|quick|proper))*$"
)
_CLOSING: Final = frozenset(
    words_of(
        "for now today soon later from me folks guys everybody and so tomorrow next week sweetie love mister missus"
    )
)
_ANSWER: Final = frozenset(words_of("no nope nah yes okay"))
_WORDS_WITH_A_NAME: Final = 4


def takes_leave(text: str) -> bool:
    """Tell whether somebody takes their leave: the last words do, and they ask nothing."""
    if asks_in_passing(text):
        return False
    plain = " ".join(words_of(text))
    return _ends_with(_FORMULA, plain) or has_no_more(text)


def has_no_more(text: str) -> bool:
    """Tell whether somebody says that this was all, whatever they were asked."""
    words = words_of(text)
    plain = " ".join(words)
    # "No, that's all wrong" has other words after it, "that's it" alone agrees.
    if "?" in text or not any(
        _is_closing(plain[match.end() :]) and _is_a_sentence(plain, match) for match in _ALL.finditer(plain)
    ):
        return False
    return plain not in {"that's it", "that is it", "it's it", "this is it"}


def has_nothing_to_add(text: str) -> bool:
    """Tell whether somebody who was asked for more has nothing to add."""
    return takes_leave(text) or (is_denial(text) and not asks_in_passing(text))


def names_goodbye(text: str) -> bool:
    """Tell whether a goodbye is among words, whoever says it and to whom."""
    plain = " ".join(words_of(text))
    return _FORMULA.search(plain) is not None or has_no_more(text)


def without_goodbye(text: str) -> str:
    """Return the words that are left of a text when the leave-taking is taken out."""
    return _ALL.sub(" ", _FORMULA.sub(" ", " ".join(words_of(text))))


def _ends_with(formula: re.Pattern[str], plain: str) -> bool:
    matches = list(formula.finditer(plain))
    if not matches or not _is_closing(formula.sub(" ", plain[matches[-1].start() :]), plain):
        return False
    return any(_NOT_TO_US.search(plain[: match.start()].rstrip()) is None for match in matches)


def _is_closing(after: str, whole: str = "") -> bool:
    """Tell whether nothing but courtesy follows, or a name in a short text: "goodbye Anna"."""
    words = [word for word in after.split() if word not in _CLOSING]
    return is_courtesy(_FORMULA.sub(" ", " ".join(words)).split()) or (
        len(words) == 1 and bool(whole) and len(whole.split()) <= _WORDS_WITH_A_NAME
    )


def _is_a_sentence(plain: str, match: re.Match[str]) -> bool:
    """Tell whether "that's all" is no part of something else: "is that all", "I know that's all you have"."""
    return re.search(r"\b(?:is|was|if|because|know|not|said)$", plain[: match.start()].rstrip()) is None
