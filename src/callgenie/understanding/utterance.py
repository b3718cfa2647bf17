"""One utterance of a caller: what its usual words say, and what the act classifier makes of it where it was read.

Closed language (yes and no, "pardon?") is for the rules alone. For open language both count: where nothing was read,
the rules decide; where it was, an act that is likely enough counts as well.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from callgenie.understanding import leave_taking, message_forms, person_request, question_forms, repair
from callgenie.understanding.acts import Act
from callgenie.understanding.agreement import begins_with_no, is_denial
from callgenie.understanding.decision import WISHES, Decision, Thresholds
from callgenie.understanding.fillers import HESITATION
from callgenie.understanding.text import words_of

# How likely an act has to be that the usual words for it speak of, and how sure of it they make.
_NO_OBJECTION: Final = 0.2
_BY_RULE: Final = 0.9
# "Let me find a day for my appointment" is no request to wait, if a wish or a question is as likely as this.
_OBJECTION: Final = 0.8

# "No thank you very" declines; "I will not come today" is a message.
_WORDS_OF_A_REFUSAL: Final = 4

_THRESHOLDS: Final = Thresholds()


@dataclass(frozen=True, slots=True)
class Utterance:
    """What a caller said, and the probabilities of its acts; None where no model has read it."""

    text: str
    acts: Mapping[Act, float] | None = None
    thresholds: Thresholds = _THRESHOLDS

    @property
    def takes_leave(self) -> bool:
        """Whether the caller takes leave, whatever else they say."""
        is_likely = self._likely(Act.GOODBYE) >= self.thresholds.goodbye and not question_forms.asks(self.text)
        return is_likely or leave_taking.takes_leave(self.text)

    @property
    def asks_for_person(self) -> bool:
        """Whether the caller wants to talk to a person, and not us to pass something on."""
        if message_forms.asks_us_to_tell(self.text):
            return False
        return self._likely(Act.PERSON) >= self.thresholds.person or person_request.asks_for_person(self.text)

    @property
    def asks(self) -> bool:
        """Whether the caller asks something."""
        is_likely = self._likely(Act.QUESTION, Act.HOURS) >= self.thresholds.act
        return is_likely or question_forms.asks(self.text)

    @property
    def asks_to_repeat(self) -> bool:
        """Whether the caller wants our last words again; "tell him I didn't catch that" is a message."""
        return repair.asks_to_repeat(self.text) and not message_forms.asks_us_to_tell(self.text)

    @property
    def asks_to_wait(self) -> bool:
        """Whether the caller asks us for a moment."""
        return repair.asks_to_wait(self.text)

    @property
    def is_about_talk(self) -> bool:
        """Whether it is about the talk itself, so that what we asked is still to be answered."""
        return self.asks_to_repeat or self.asks_to_wait

    @property
    def declines(self) -> bool:
        """Whether it is a no and nothing more."""
        return is_denial(self.text) and len(words_of(self.text)) <= _WORDS_OF_A_REFUSAL

    @property
    def declines_offer(self) -> bool:
        """Whether it declines our offer to take a message; "the cake is not ready" is one."""
        is_clear = begins_with_no(self.text) or self._likely(Act.DENY) >= self.thresholds.act
        return is_denial(self.text) and (is_clear or not self.is_message())

    @property
    def declines_at_once(self) -> bool:
        """Whether it begins with a no, and is not what somebody should be told."""
        return begins_with_no(self.text) and not message_forms.speaks_of_telling(self.text)

    @property
    def has_words(self) -> bool:
        """Whether anything is said beside a goodbye or a no."""
        left = words_of(leave_taking.without_goodbye(self.text))
        return any(len(word) > 1 and word not in HESITATION for word in left) and not self.declines

    def is_message(self, words_min: int = message_forms.WORDS_OF_A_MESSAGE) -> bool:
        """Tell whether words that may be a message are one, and no question to us; it has so many words at least."""
        text = self.text
        if message_forms.asks_us_to_tell(text):
            return True
        is_wish = self._likely(*WISHES) >= self.thresholds.act and message_forms.is_long_enough(text)
        refuses = self.declines and begins_with_no(text)
        if refuses or message_forms.only_asks_to_leave_message(text) or ("?" in text and not is_wish):
            return False
        if is_wish or message_forms.speaks_of_telling(text):
            return True
        return message_forms.is_long_enough(text, words_min) and not self.asks and not self.asks_for_person

    def by_rule(self) -> Decision | None:
        """Return the decision where the words are the usual ones for an act, and the classifier does not object.

        "That's all I know about parking, how much is a haircut" and "put me down for Thursday" hold such words, too.
        """
        for act, kindred, is_said in _RULES:
            probability = self._likely(act, *kindred) if self.acts is not None else 1.0
            if probability >= _NO_OBJECTION and is_said(self.text):
                return Decision(self._which(act), confidence=max(min(probability, 1.0), _BY_RULE))
        if self._likely(*WISHES, Act.QUESTION, Act.HOURS) >= _OBJECTION:
            return None
        return next((Decision(act, confidence=_BY_RULE) for act, is_said in _CLOSED if is_said(self.text)), None)

    def _which(self, act: Act) -> Act:
        """Return the likeliest wish for any of them: "ask the doctor to call me" is one for a call."""
        acts = self.acts
        return max(WISHES, key=lambda wish: acts[wish]) if act is Act.MESSAGE and acts is not None else act

    def _likely(self, *acts: Act) -> float:
        return sum(self.acts[act] for act in acts) if self.acts is not None else 0.0


# With the acts whose words are much the same.
_RULES: Final[tuple[tuple[Act, tuple[Act, ...], Callable[[str], bool]], ...]] = (
    (Act.MESSAGE, tuple(wish for wish in WISHES if wish is not Act.MESSAGE), message_forms.asks_us_to_tell),
    (Act.GOODBYE, (Act.THANKS,), leave_taking.takes_leave),
    (Act.PERSON, (), person_request.asks_for_person),
)
_CLOSED: Final[tuple[tuple[Act, Callable[[str], bool]], ...]] = (
    (Act.REPEAT, repair.asks_to_repeat),
    (Act.WAIT, repair.asks_to_wait),
)

Read = Callable[[str], Utterance]
