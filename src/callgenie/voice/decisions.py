"""Decisions that are the caller's, whatever a model makes of the talk: to leave, to be put through, that it is right.

Each function reads the conversation as the caller has heard it, and is the one place that answers its question.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from callgenie.kernel.vocabulary import TurnRole
from callgenie.understanding.agreement import is_agreement, is_denial
from callgenie.understanding.leave_taking import has_nothing_to_add, takes_leave
from callgenie.understanding.person_request import may_ask_for_person
from callgenie.understanding.question_forms import asks
from callgenie.understanding.text import words_of
from callgenie.voice.figures.known import KnownFigures
from callgenie.voice.figures.reading import digit_runs_in, figures_in
from callgenie.voice.message_draft import IS_IT_RIGHT, OFFER, OTHER_WORDS, TRY_AGAIN, prompt_in
from callgenie.voice.own_words import offers_more, offers_person
from callgenie.voice.ports import Message

# A caller who is asked why they want somebody answers that first.
_UTTERANCES_MAX: Final = 3

# As much of a message is read back by those who shorten it.
_WORDS_READ_BACK: Final = 30
_SHARE_READ_BACK: Final = 0.6
_SHARE_TOLD: Final = 0.5
_STEM: Final = 5

_SUBSCRIBER_DIGITS: Final = 7

_SMALL_WORDS: Final = frozenset(
    words_of(
        "a about an and are as at be been but by call caller called can could do does for from had has have he her him"
        " his i i'd i'll i'm if in is it it's its me message my of on or our please said say says she so tell that"
        " that's the their them they this to us wants was we were will with would you your"
    )
)


def may_end(messages: Sequence[Message], *, is_our_call: bool) -> bool:
    """Tell whether the call may be ended: the caller takes leave, or it is us who called and nothing is asked."""
    said = _last_words(messages)
    if is_our_call:
        return not asks(said)
    return takes_leave_now(messages)


def takes_leave_now(messages: Sequence[Message]) -> bool:
    """Tell whether the caller's last words take leave, by themselves or as the answer to what we asked."""
    before, said = _last_exchange(messages)
    return takes_leave(said) or ((offers_more(before) or prompt_in(before) == OFFER) and has_nothing_to_add(said))


def may_transfer(messages: Sequence[Message]) -> bool:
    """Tell whether the caller has asked for a person of late, or agrees to being put through."""
    exchanges = list(_exchanges(messages))
    if any(may_ask_for_person(said) for _, said in exchanges[-_UTTERANCES_MAX:]):
        return True
    before, said = exchanges[-1] if exchanges else ("", "")
    return offers_person(before) and is_agreement(said)


def is_confirmed(messages: Sequence[Message], *, text: str, name: str = "", number: str = "") -> bool:
    """Tell whether the caller has heard this message read back, all of it, and agreed."""
    answer: str | None = None
    for before, said in reversed(list(_exchanges(messages))):
        if _reads_back(before, text, name, number):
            # Who did not answer clearly was asked once more, without hearing it again.
            return is_agreement(said if answer is None or is_denial(said) else answer)
        answer = said if OTHER_WORDS[IS_IT_RIGHT] in before else None
    return False


def takes_for_confirmed(messages: Sequence[Message]) -> bool:
    """Tell whether the caller has agreed to a message of which they have not heard all, and will not hear it again."""
    before, said = _last_exchange(messages)
    return prompt_in(before) in {IS_IT_RIGHT, TRY_AGAIN} and is_agreement(said)


def was_told(messages: Sequence[Message], text: str) -> bool:
    """Tell whether a message is made of what the caller has said."""
    said = [message.text for message in messages if message.role is TurnRole.USER]
    stems = {word[:_STEM] for each in said for word in words_of(each)}
    wanted = [word for word in words_of(text) if word not in _SMALL_WORDS and word.isalpha()]
    told = sum(word[:_STEM] in stems for word in wanted)
    known = KnownFigures((), said)
    is_counted = all(known.supports(figure) for figure in figures_in(text) if figure.means_something)
    return bool(said) and is_counted and told >= _SHARE_TOLD * len(wanted)


def _reads_back(before: str, text: str, name: str, number: str) -> bool:
    heard = set(words_of(before))
    wanted = [word for word in words_of(text)[:_WORDS_READ_BACK] if word not in _SMALL_WORDS and word.isalpha()]
    if not heard or sum(word in heard for word in wanted) < _SHARE_READ_BACK * len(wanted):
        return False
    known = KnownFigures((), [before])
    beginning = " ".join(text.split()[:_WORDS_READ_BACK])
    if not all(known.supports(figure) for figure in figures_in(beginning) if figure.means_something):
        return False
    if any(word not in heard for word in words_of(name) if len(word) > 1):
        return False
    digits = "".join(letter for letter in number if letter.isdigit())
    return not digits or any(_is_same_number(digits, run) for run in digit_runs_in(before))


def _is_same_number(digits: str, run: str) -> bool:
    """Compare two numbers of which one may have its country's code."""
    return digits == run or (
        min(len(digits), len(run)) >= _SUBSCRIBER_DIGITS and (digits.endswith(run) or run.endswith(digits))
    )


def _exchanges(messages: Sequence[Message]) -> Iterator[tuple[str, str]]:
    """Yield each utterance of the caller with our words before it."""
    ours = ""
    for message in messages:
        if message.role is TurnRole.ASSISTANT:
            ours = f"{ours} {message.text}".strip()
        elif message.role is TurnRole.USER:
            yield ours, message.text
            ours = ""


def _last_exchange(messages: Sequence[Message]) -> tuple[str, str]:
    *_, last = [("", ""), *_exchanges(messages)]
    return last


def _last_words(messages: Sequence[Message]) -> str:
    return _last_exchange(messages)[1]
