"""Repair: what callers say of the talk itself, and not of what it is about: "pardon?", "hang on", "never mind"."""

import re
from typing import Final

from callgenie.understanding.agreement import is_agreement, is_denial
from callgenie.understanding.fillers import without_hesitation
from callgenie.understanding.text import words_of

_WORDS_OF_A_REQUEST: Final = 14

_POLITE: Final = (
    r"(?:(?:i'm |i am |so |very )*sorry |excuse me |please |yes |okay |ok |no |wait |but |can you |could you )*"
)
_TO_REPEAT: Final = re.compile(
    rf"{_POLITE}(?:sorry|pardon|pardon me|i beg your pardon|beg pardon|come again|excuse me|what|huh|say again|repeat"
    r"|again|one more time|what's that|what was that|you what|who|eh)(?: please| sorry| again| now)*"
    r"|.*\b(?:say|repeat) (?:that|it|this|the question|yourself|what you said|your question|that last bit)"
    r"(?: (?:again|once more|one more time|please|for me|slowly|more slowly|a bit|slower|sorry))*"
    r"|(?:once more|.*\b(?:tell me|go over|read) (?:that|it)(?: back)?(?: to me)? again"
    r"|.*\brepeating that|.*\bmissed (?:that|the last (?:bit|part))|what(?:'s| was) the [\w-]+ again)"
    r"(?: please| sorry)*"
    r"|.*\bpardon(?: me)?|.*\b(?:repeat that|say that again|say again|come again)\b.*"
    r"|.*\bwhat (?:was|is) (?:that|the question)(?: again)?|.*\bwhat did you (?:just )?(?:say|ask)\b.*"
    r"|.*\bdid(?:n't| not) (?:quite |really |fully |properly )?(?:catch|hear|understand)"
    r"(?: (?:that|you|it|what you(?: just)? said|all of that|a word))?"
    r"(?:,? (?:sorry|please|there|at all|properly|again|well|very well|"
    r"(?:can|could|would) you .*|what .*))*"
    r"|.*\bdid(?:n't| not) (?:quite |really )?get that(?: (?:sorry|please|(?:can|could|would) you .*|what .*))*"
    r"|.*\b(?:can't|cannot|couldn't|can barely|can hardly) (?:really |quite )?(?:hear|understand)"
    r" (?:you|that|what you.*)(?: .*)?"
    r"|.*\b(?:speak|talk) (?:up|louder|slower|more slowly)\b.*"
)

_A_MOMENT: Final = (
    r"(?:(?:hang|hold) (?:on|about)|(?:hold|stay on) the line|hold up|wait(?: up)?|bear with me|stand by"
    r"|(?:(?:just|give me|wait|only|hold on|hang on|please|for) )*(?:a|one|half a|two|1) "
    r"(?:moment|minute|min|second|sec|tick|mo|momento)s?)"
)
_MEANWHILE: Final = (
    r"(?:please|sorry|just|while .*|a (?:moment|minute|second|sec|bit)|one (?:moment|minute|second|sec)"
    r"|for (?:a|one) (?:moment|minute|second|sec)|there|now|yeah|okay|ok"
    r"|(?:i'll|i will|i have to|i need to|i've got to|i must|i'm going to|i am|i'm) (?:just )?"
    r"(?:get|getting|find|finding|look|looking|check|checking|grab|grabbing|fetch|fetching|see|think|thinking|be)\b.*"
    r"|let me .*|i(?:'m| am) (?:driving|just .*))"
)
_LET_ME: Final = (
    r"let me (?:just |quickly )?(?:(?:check|see|think|look|find|have a look|write|turn|ask)\b.*"
    r"|(?:get|grab|fetch) (?:my|a pen|a pencil|some paper|something to write|it|the)\b.*)"
    r"|i(?:'ll| will) (?:just )?(?:check|have a look|look it up|find it|grab .*|get .*)"
)
_TO_WAIT: Final = re.compile(
    rf"(?:(?:oh|okay|ok|yes|yeah|no|sorry|please|can you|could you|if you could) )*"
    rf"(?:{_A_MOMENT}(?: {_A_MOMENT})*(?: {_MEANWHILE})*|{_LET_ME})"
)

# "I have to cancel my appointment" is a message.
_WITHDRAWS: Final = re.compile(
    r"\b(never ?mind|forget (about )?it|no message|cancel (it|this|that|(the|my|this|that) message))\b"
    r"|^(please )?cancel( please)?$"
)


def asks_to_repeat(text: str) -> bool:
    """Tell whether somebody did not hear or understand our last words, and wants them again."""
    words = words_of(text)
    if not words or len(words) > _WORDS_OF_A_REQUEST:
        return False
    if is_agreement(text) or is_denial(text):
        return False
    plain, bare = " ".join(words), " ".join(without_hesitation(words))
    return _TO_REPEAT.fullmatch(plain) is not None or (bool(bare) and _TO_REPEAT.fullmatch(bare) is not None)


def asks_to_wait(text: str) -> bool:
    """Tell whether somebody asks us for a moment, and says nothing else."""
    words = without_hesitation(words_of(text))
    return 0 < len(words) <= _WORDS_OF_A_REQUEST and _TO_WAIT.fullmatch(" ".join(words)) is not None


def withdraws(text: str) -> bool:
    """Tell whether somebody wants no message to be taken any more."""
    return _WITHDRAWS.search(" ".join(words_of(text))) is not None
