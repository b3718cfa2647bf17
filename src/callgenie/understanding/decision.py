"""Decision: what to do about an utterance, from its dialogue acts and from what the judge thinks of the FAQ's entries.

A wrong price costs the owner a customer, a repeat costs the caller a second: acts that cost something (a transfer, a
hang-up, a fact told) need more confidence than those that only ask.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from callgenie.understanding.acts import Act
from callgenie.understanding.encoder import Encoded
from callgenie.understanding.faq_index import Candidate

WISHES: Final = (
    Act.BOOK,
    Act.CHANGE_BOOKING,
    Act.CANCEL_BOOKING,
    Act.ORDER,
    Act.ORDER_STATUS,
    Act.COMPLAIN,
    Act.PAY,
    Act.CALLBACK,
    Act.MESSAGE,
    Act.JOB_APPLICATION,
    Act.SALES_PITCH,
)
_COURTESIES: Final = (Act.THANKS, Act.GREETING, Act.ARE_YOU_THERE)
_QUESTIONS: Final = (Act.QUESTION, Act.HOURS)
_ALONE: Final = (Act.AFFIRM, Act.DENY, Act.REPEAT, Act.WAIT, Act.NOT_FOR_US, Act.LANGUAGE_WISH)
_SMALL_TALK: Final = (Act.PERSONAL, Act.OFF_TOPIC, Act.WHO_ARE_YOU)

# The benefit of the doubt for utterances that do not look like a question.
_STORY: Final = 0.5

# A wish this likely is none of an entry's business, however sure the judge is.
_SURE_WISH: Final = 0.85


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Probabilities from which on something is done; chosen by `training/thresholds.py` on the development trades.

    Attributes:
        tell: The judge's, to tell an entry's answer.
        rival: The share of the likeliest entry's probability at which a second one makes it doubtful which is meant.
        ask_back: The judge's, to ask back with an entry's question.
        hours: The judge's for the calendar, to tell the opening hours although the act does not say so.
        act: The classifier's, to take an utterance for a wish, a courtesy or small talk.
        person: The same for the wish for a person: a false transfer disturbs two people.
        goodbye: The same for leave-taking: a false one ends the call.
    """

    tell: float = 0.82
    rival: float = 1.0
    ask_back: float = 0.11
    hours: float = 0.70
    act: float = 0.60
    person: float = 0.70
    goodbye: float = 0.80


@dataclass(frozen=True, slots=True)
class Decision:
    """What an utterance is taken for.

    Attributes:
        act: The dialogue act that is answered.
        entry: The entry that answers it, or about which is asked back; None for other acts.
        tells: True if the entry's answer is told, False if it is asked back about.
        confidence: 0 to 1.
    """

    act: Act
    entry: int | None = None
    tells: bool = False
    confidence: float = 1.0


def decide(
    utterance: Encoded, candidates: Sequence[Candidate], calendar: int | None, thresholds: Thresholds
) -> Decision:
    """Return what to do about an utterance.

    Args:
        utterance: What the models have read.
        candidates: Entries with the judge's probability, the likeliest first; the calendar may be one of them.
        calendar: The index that stands for the opening hours; None where they are unknown.
        thresholds: How sure it has to be.
    """
    told = _told(utterance.acts, candidates, calendar, thresholds)
    return told or _acted(utterance.acts, thresholds) or _unsure(utterance.acts, candidates, calendar, thresholds)


def _told(
    acts: dict[Act, float], candidates: Sequence[Candidate], calendar: int | None, thresholds: Thresholds
) -> Decision | None:
    """Return the decision to tell an entry or the opening hours, or one for an act that comes before all facts."""
    if acts[Act.PERSON] >= thresholds.person:
        return Decision(Act.PERSON, confidence=acts[Act.PERSON])
    if acts[Act.GOODBYE] >= thresholds.goodbye:
        return Decision(Act.GOODBYE, confidence=acts[Act.GOODBYE])
    best = candidates[0] if candidates else None
    probability = _damped(best, acts, thresholds)
    if best is not None and best.entry == calendar:
        if acts[Act.HOURS] >= thresholds.act or probability >= thresholds.hours:
            return Decision(Act.HOURS, calendar, tells=True, confidence=max(acts[Act.HOURS], probability))
    elif best is not None and probability >= thresholds.tell and not _has_rival(candidates, thresholds):
        return Decision(Act.QUESTION, best.entry, tells=True, confidence=probability)
    if calendar is not None and acts[Act.HOURS] >= thresholds.act:
        return Decision(Act.HOURS, calendar, tells=True, confidence=acts[Act.HOURS])
    return None


def _acted(acts: dict[Act, float], thresholds: Thresholds) -> Decision | None:
    """Return the decision to answer an act that asks for no fact, if there is one."""
    groups = (WISHES, _COURTESIES, _SMALL_TALK, *((act,) for act in _ALONE))
    for act, probability in (_likeliest(acts, group) for group in groups):
        if probability >= thresholds.act:
            return Decision(act, confidence=probability)
    return None


def _unsure(
    acts: dict[Act, float], candidates: Sequence[Candidate], calendar: int | None, thresholds: Thresholds
) -> Decision:
    """Return the decision to ask back about the likeliest entry, or the one that nothing is known."""
    best = candidates[0] if candidates else None
    probability = _damped(best, acts, thresholds)
    if best is not None and best.entry != calendar and probability >= thresholds.ask_back:
        return Decision(Act.QUESTION, best.entry, tells=False, confidence=probability)
    return Decision(Act.QUESTION, confidence=1.0 - probability)


def _has_rival(candidates: Sequence[Candidate], thresholds: Thresholds) -> bool:
    """Tell whether a second entry is nearly as likely as the first."""
    return len(candidates) > 1 and candidates[1].probability > thresholds.rival * candidates[0].probability


def _damped(best: Candidate | None, acts: dict[Act, float], thresholds: Thresholds) -> float:
    """Return the probability that an entry answers, lowered where the acts say that nothing is asked.

    A story that an entry answers may look like a wish; a wish that an entry is about must not be answered with it.
    """
    if best is None or sum(acts[each] for each in WISHES) >= _SURE_WISH:
        return 0.0
    asking = sum(acts[each] for each in _QUESTIONS)
    return best.probability * min(1.0, (asking + _STORY) / thresholds.act)


def _likeliest(acts: dict[Act, float], group: Iterable[Act]) -> tuple[Act, float]:
    """Return the likeliest act of a group, and the probability of the whole group."""
    some = tuple(group)
    return max(some, key=lambda act: acts[act]), sum(acts[act] for act in some)
