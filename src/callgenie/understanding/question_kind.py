"""Kinds of facts: what kind a question asks for, and whether an answer can hold it.

A question for a price or a duration is recognisable by few words, and so is an answer that holds neither. An answer
without a price does not answer "how much", whatever it is about.
"""

import re
from enum import StrEnum
from typing import Final

from callgenie.understanding.text import bare


class FactKind(StrEnum):
    """A kind of fact that a question may ask for."""

    PRICE = "price"
    DURATION = "duration"


_ASKS: Final = {
    FactKind.PRICE: re.compile(
        r"\bhow much (is|are|was|does|do|did|would|will|for|am|to|you|its|it|it's|a|the|extra|more)\b"
        r"|\b(price|cost)s? (of|for|to)\b|\bhow (expensive|pricey|dear)\b"
        r"|\bwhat('?s|'?re| (do|would|does|will|did|is|are)) .{0,40}"
        r"\b(charge|cost|pay|set me back|(run|runs) (me|us)|gonna run|price|rates?|fee|going for|go for)\b"
    ),
    FactKind.DURATION: re.compile(
        r"\bhow (long|quick|quickly|soon|many (minutes|hours|days|weeks|months|years|nights))\b"
    ),
}
_CURRENCIES: Final = "$\N{POUND SIGN}\N{EURO SIGN}\N{INDIAN RUPEE SIGN}%"
_HOLDS: Final = {
    FactKind.PRICE: re.compile(
        rf"[{_CURRENCIES}]|\b(dollars?|pounds?|euros?|rupees?|rand|cents?|pence|quid|bucks?|rs|r ?\d+|\d+p|percent)\b"
        r"|\b(free|nothing|included?|charged?|costs?|prices?|fees?|rent|deposit|quarter|half|pay|extra|off|discount)\b",
        re.IGNORECASE,
    ),
    FactKind.DURATION: re.compile(
        r"\b(\d+ ?)?(minutes?|mins?|hours?|hrs?|days?|nights?|weeks?|weekends?|months?|years?|seasons?)\b"
        r"|\b(overnight|lifetime|forever|straight|until|while you wait|ends?|today|tomorrow|noon|midnight)\b"
        r"|\b(morning|evening)\b"
        r"|\b\d+(:\d\d)? ?[ap]m\b|\b(mon|tues|wednes|thurs|fri|satur|sun)days?\b|\b(at once|immediately|right away)\b",
        re.IGNORECASE,
    ),
}


def kinds_asked(text: str) -> set[FactKind]:
    """Return the kinds of facts that an utterance asks for; empty where its words do not say."""
    plain = bare(text)
    return {kind for kind, pattern in _ASKS.items() if pattern.search(plain)}


def lacks(kind: FactKind, answer: str) -> bool:
    """Tell whether an answer certainly holds no fact of a kind."""
    return _HOLDS[kind].search(answer) is None
