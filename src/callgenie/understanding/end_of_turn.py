"""End of turn: whether words read finished, and whether they say anything at all.

What a pause means is in the words before it.
Recognisers put a full stop after anything, so a full stop says nothing; the last word does.
"""

import re
from enum import Enum
from typing import Final

from callgenie.understanding.digits import DIGIT_WORDS
from callgenie.understanding.text import words_of


class EndOfTurn(Enum):
    """How likely it is that nothing more comes."""

    WHOLE = "whole"
    """A question, or a short answer that is complete: nothing more can be meant."""
    FINISHED = "finished"
    UNFINISHED = "unfinished"


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_LEAVES_OPEN: Final = _set(
    "a about also although an and are as at because between but by can could for from had has have he how i i'd i'll"
    " i'm i've if in into is it's its just maybe my of on or our she so than the their there's they to um uh er erm hmm"
    " was we we'd we'll we're were when where whether which while who will with without would you'd your"
)

# "What is it for?", "how long will it be on?": words that leave a statement open may end a question.
_MAY_END_A_QUESTION: Final = _set("about are at by can for from in is it's of on to was were will with")

_WHOLE_ANSWERS: Final = frozenset(
    {
        "bye",
        "bye bye",
        "goodbye",
        "good bye",
        "hello",
        "hi",
        "hey",
        "no",
        "no thanks",
        "no thank you",
        "nope",
        "nothing",
        "ok",
        "okay",
        "sure",
        "thank you",
        "thanks",
        "that's all",
        "that is all",
        "yeah",
        "yep",
        "yes",
        "yes please",
    }
)

_LISTENING_NOISES: Final = _set(
    "ah aha alright cool er erm good great hm hmm huh i m-hm mhm mm mm-hm mm-hmm mmm nice oh ok okay really right see"
    " sure uh uh-huh uhuh um wow yeah yep yes yup"
)

_SMALL_WORDS: Final = _LISTENING_NOISES.union(*(answer.split() for answer in _WHOLE_ANSWERS))

_STOPS_US: Final = _set("hello hey no pardon sorry stop wait what")

_SPEAKS_OF_A_NUMBER: Final = re.compile(r"\b(number|phone|mobile|cell|call me|reach me|text me|account|zip|code)\b")

_TIME_OF_DAY: Final = re.compile(r"\b\d{1,2}[:.]\d\d\W*$")

# North American numbers have 7 or 10 digits and nobody pauses for good after fewer. 11 and more are abroad: finished.
_DIGITS_OF_A_WHOLE_NUMBER: Final = frozenset({7, 10})
_DIGITS_THAT_LOOK_LIKE_A_NUMBER: Final = 3


def end_of_turn(text: str) -> EndOfTurn:
    """Judge how `text` ends."""
    stripped = text.rstrip(" \"'")
    words = words_of(stripped)
    if not words or stripped.endswith((",", "-", "\N{EN DASH}", "\N{EM DASH}", "...", "\N{HORIZONTAL ELLIPSIS}", ":")):
        return EndOfTurn.UNFINISHED
    question = stripped.endswith("?")
    if words[-1] in _LEAVES_OPEN and not (question and words[-1] in _MAY_END_A_QUESTION):
        return EndOfTurn.UNFINISHED
    if question or _is_whole_answer(words):
        return EndOfTurn.WHOLE
    return EndOfTurn.UNFINISHED if _ends_within_a_number(stripped.lower(), words) else EndOfTurn.FINISHED


def _is_whole_answer(words: list[str]) -> bool:
    return any(" ".join(words[-length:]) in _WHOLE_ANSWERS for length in (1, 2, 3) if length <= len(words))


def _ends_within_a_number(text: str, words: list[str]) -> bool:
    if _TIME_OF_DAY.search(text):
        return False
    digits = 0
    for word in reversed(words):
        if word in DIGIT_WORDS:
            digits += 1
        elif word.replace("-", "").isdigit():
            digits += len(word.replace("-", ""))
        else:
            break
    if digits == 0 or digits in _DIGITS_OF_A_WHOLE_NUMBER or digits > max(_DIGITS_OF_A_WHOLE_NUMBER):
        return False
    return digits >= _DIGITS_THAT_LOOK_LIKE_A_NUMBER or _SPEAKS_OF_A_NUMBER.search(text) is not None


def is_backchannel(text: str) -> bool:
    """Tell whether `text` is nothing, or only the noises of somebody who listens: "uh-huh", "okay, right"."""
    return all(word in _LISTENING_NOISES for word in words_of(text))


def has_content(text: str) -> bool:
    """Tell whether there is a word in `text` that is more than listening, a greeting, or a yes or no."""
    return any(len(word) > 1 and not word.isdigit() and word not in _SMALL_WORDS for word in words_of(text))


def is_barge_in(text: str) -> bool:
    """Tell whether words heard so far, of an utterance still going on, already mean that we should stop.

    One stray word is what recognisers make of a cough; two words, or one that stops people, are not.
    """
    words = [word for word in words_of(text) if word not in _LISTENING_NOISES]
    return len(words) > 1 or any(word in _STOPS_US for word in words)
