"""Questions about opening hours: their usual words, and the days that they, or a wish to come, are about."""

import re
from datetime import date
from typing import Final

from callgenie.understanding.days import DayMention, days_in
from callgenie.understanding.text import words_of

_NOW: Final = re.compile(
    r"\b(still|already) open\b|\bopen (yet|already)\b|(^|[.!?,]\s*)are you (guys |all )?open\W*$", re.IGNORECASE
)

# "When do you open in the morning?" and "are you closed after six?" are not answered by whether we are open then.
_NO_YES_OR_NO: Final = re.compile(r"\b(when|what|how|which|clos(e|es|ed|ing)|shut)\b", re.IGNORECASE)

_WE: Final = (
    r"(?:anyone|anybody|someone|somebody|people|you|you guys|you all|y'all|you folks|you lot|they|the team|your team"
    r"|your (?:staff|people|guys|office|shop|store)"
    r"|the (?:staff|office|shop|store|clinic|practice|place|reception|desk))"
)
_PRESENT: Final = (
    r"(?:there|in|around|about|here|working|at work|on duty|trading|operating|manned|staffed|open"
    r"|(?:in|at) the (?:office|shop|store|clinic|practice|salon|studio|gym|building|desk|counter|reception))"
)
_STILL: Final = r"(?:still|usually|normally|also|all|even|actually|going to|gonna|be|going to be|gonna be)"
_WHETHER_PRESENT: Final = re.compile(
    r"(?:(?:hi|hello|hey|um|uh|oh|so|and|okay|ok|yes|please|sorry|just|good|morning|afternoon|evening"
    r"|(?:i was |i'm |i am )?(?:just )?(?:wondering|checking|asking)|(?:i )?(?:just )?want(?:ed)? to (?:know|check|ask)"
    r"|(?:can|could) you tell me|do you know|if|whether) )*"
    rf"(?:(?:is|are|will|would|won't|isn't|aren't) (?:there )?(?:be )?{_WE}(?: {_STILL})* {_PRESENT}"
    rf"|{_WE} (?:will |is |are |gonna )?(?:{_STILL} )*{_PRESENT}"
    rf"|(?:do|does|will|don't) {_WE}(?: {_STILL})* (?:work|trade|operate|do business|come in|open|man the phones?))"
    r"(?: (?:on|at|over|for|during|in|by|the|or|and|as well|too|please|then|though|thanks|thank you|this|next))*"
)


def asks_whether_open(text: str, today: date | None, country: str | None = None) -> bool:
    """Tell whether the question is if anybody is there on a certain day: "do you work Easter Monday".

    Nothing else may be asked: whether coach Taylor is there, or somebody who speaks Spanish, is not on the door.
    """
    if today is None:
        return False
    mentions = [mention for mention in days_in(text, today, country) if not mention.is_now and not mention.is_implied]
    spans = sorted(
        span
        for mention in mentions
        for span in ((mention.start, mention.end), *([(mention.time.start, mention.time.end)] if mention.time else []))
    )
    for start, end in reversed(spans):
        text = f"{text[:start]} {text[end:]}" if end <= len(text) else text
    return bool(mentions) and _WHETHER_PRESENT.fullmatch(" ".join(words_of(text))) is not None


def day_asked_for(text: str, today: date | None, country: str | None = None) -> str | None:
    """Return the words that `business_hours` is to look up for a question about opening hours, or None.

    The time of day is among them where the question can be answered with yes or no.

    Args:
        text: What the caller said; that it asks for opening hours is decided by whoever calls this.
        today: The date at the business; without it no day can be looked up.
        country: The country of the business, see `days_in`.
    """
    if today is None:
        return None
    mentions = days_in(text, today, country)
    if _NO_YES_OR_NO.search(text):
        mentions = [mention for mention in mentions if not mention.is_implied]
        named = " and ".join(_day_alone(text, mention) for mention in mentions)
    else:
        named = _with_times(text, mentions)
    return named or ("now" if _NOW.search(text) else None)


def day_of_visit(text: str, today: date | None, country: str | None = None) -> str | None:
    """Return the words for the day and the time on which somebody wants to come, for `business_hours`, or None."""
    if today is None:
        return None
    # "Can I book now?" is about booking, and not about coming.
    return _with_times(text, [mention for mention in days_in(text, today, country) if not mention.is_now]) or None


def _day_alone(text: str, mention: DayMention) -> str:
    """Return the words for a day without the time of day in them: `today` for `tonight`."""
    time = mention.time
    has_time_within = time is not None and time.start < mention.end and mention.start < time.end
    return "today" if has_time_within else text[mention.start : mention.end]


def _with_times(text: str, mentions: list[DayMention]) -> str:
    spans = [(mention.start, mention.end) for mention in mentions]
    spans += [(mention.time.start, mention.time.end) for mention in mentions if mention.time is not None]
    return text[min(start for start, _ in spans) : max(end for _, end in spans)] if spans else ""
