"""Sentences of a model that are not meant for a caller, whatever they say: recited rules, thoughts, other languages."""

import re
from collections.abc import Sequence
from typing import Final

from callgenie.understanding.end_of_turn import EndOfTurn, end_of_turn
from callgenie.understanding.leave_taking import names_goodbye
from callgenie.understanding.text import words_of
from callgenie.voice.decisions import may_end
from callgenie.voice.ports import Knowledge, Message
from callgenie.voice.prompt import rules_of

# So many words in a row are no coincidence. "An automatic assistant, not a person" has fewer.
_RECITED_WORDS: Final = 8

_THINKS: Final = re.compile(
    r"^(?:(?:okay|ok|so|hmm+|well|alright|now),? )?the (?:caller|customer) "
    r"(?:is|was|has|asks?|asked|wants?|wanted|says?|said|seems?|needs?|just|mentioned|would)\b"
    r"|\bthe user (?:is|was|has|asks?|asked|wants?|wanted|says?|said|seems?|needs?|just|mentioned|would)\b"
    r"|\b(?:i|we) (?:should|need to|must|have to|can|will) (?:now )?(?:respond|reply|use the \w+ (?:tool|function))\b"
    r"|\b(?:my|the) (?:system prompt|instructions|guidelines|rules) (?:say|says|state|states|tell)\b"
    r"|\bas an ai language model\b",
    re.IGNORECASE,
)

# Words that only one language has, among the most frequent of it.
_ENGLISH: Final = frozenset(
    words_of("the is are we you i our your this with have can will please what from not they there and of to it my yes")
)
_FOREIGN: Final = frozenset(
    words_of(
        "el los las una estamos abierto que y por para con usted nosotros desde hasta le les une est nous vous et pour"
        " avec ouvert sommes du des der das und ist wir sie ihr nicht ein eine mit auf von uhr bis il lo gli siamo"
        " aperto alle dalle per che di della os uma aberto het een wij zijn van voor hum hai hain aap ka ki se"
    )
)
_FOREIGN_WORDS_MIN: Final = 2
_LATIN_SHARE_MIN: Final = 0.7
_LAST_OF_LATIN: Final = "\N{LATIN SMALL LETTER Y WITH STROKE}"

LOOP: Final = "loop"
_LOOP_WORDS_MAX: Final = 8
_LOOP_TIMES: Final = 4


class Manner:
    """Judges the sentences of one answer, one after the other."""

    def __init__(self, messages: Sequence[Message], knowledge: Knowledge) -> None:
        self._may_leave = may_end(messages, is_our_call=knowledge.is_our_call)
        self._is_english = knowledge.language.lower().startswith("en")
        names = "|".join(re.escape(tool.name) for tool in knowledge.tools if "_" in tool.name)
        self._names_tool = re.compile(rf"\b(?:{names})\b") if names else None
        self._rules = _runs_of(rules_of(knowledge))
        self._said: set[str] = set()

    def objection(self, sentence: str) -> str:
        """Return why the next sentence is not to be spoken, in one word; nothing if it may be."""
        words = words_of(sentence)
        plain = " ".join(words)
        is_repeated = plain in self._said
        self._said.add(plain)
        objections = {
            LOOP: _is_loop(words),
            "repeated": is_repeated,
            "tool_name": self._names_tool is not None and self._names_tool.search(sentence) is not None,
            "reasoning": _THINKS.search(sentence) is not None,
            "recited": not self._rules.isdisjoint(_runs_of(sentence)),
            "language": self._is_english and _is_foreign(sentence, words),
            "goodbye": not self._may_leave and names_goodbye(sentence),
        }
        return next((name for name, is_met in objections.items() if is_met), "")


def is_cut_off(sentence: str) -> bool:
    """Tell whether a sentence without an end ends in the middle."""
    return sentence.rstrip()[-1:] not in ".!?\"')" and end_of_turn(sentence) is EndOfTurn.UNFINISHED


def _runs_of(text: str) -> set[tuple[str, ...]]:
    words = words_of(text)
    return {tuple(words[at : at + _RECITED_WORDS]) for at in range(len(words) - _RECITED_WORDS + 1)}


def _is_loop(words: Sequence[str]) -> bool:
    """Tell whether the words end with the same few again and again."""
    for length in range(1, min(_LOOP_WORDS_MAX, len(words) // _LOOP_TIMES) + 1):
        last = words[-length:]
        if all(words[-length * times : -length * (times - 1)] == last for times in range(2, _LOOP_TIMES + 1)):
            return not all(word.isdigit() or len(word) == 1 for word in last)
    return False


def _is_foreign(sentence: str, words: Sequence[str]) -> bool:
    letters = [letter for letter in sentence if letter.isalpha()]
    if letters and sum(letter <= _LAST_OF_LATIN for letter in letters) < _LATIN_SHARE_MIN * len(letters):
        return True
    return _ENGLISH.isdisjoint(words) and sum(word in _FOREIGN for word in words) >= _FOREIGN_WORDS_MIN
