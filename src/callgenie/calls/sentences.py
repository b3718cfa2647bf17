"""What a caller hears when a call cannot be taken. It says what to do, and nothing about the owner's account."""

from collections.abc import Mapping
from typing import Final

from callgenie.kernel.vocabulary import EndedReason

_LATER: Final = "We cannot take your call at the moment. Please try again later. Goodbye."

SENTENCES: Final[Mapping[EndedReason, str]] = {
    EndedReason.NUMBER_UNASSIGNED: "The number you have dialled is not in service. Please check it. Goodbye.",
    EndedReason.CONCURRENCY_LIMIT: "All our lines are busy. Please call again in a few minutes. Goodbye.",
    EndedReason.USAGE_LIMIT: _LATER,
    EndedReason.SUBSCRIPTION_INACTIVE: _LATER,
    EndedReason.ACCOUNT_SUSPENDED: _LATER,
    EndedReason.SERVER_SHUTDOWN: "Please call again in a minute. Goodbye.",
    EndedReason.INTERNAL_ERROR: "Something went wrong on our side. Please call again in a minute. Goodbye.",
}


def sentence_for(reason: EndedReason) -> str:
    """Return what to say to a caller whose call ends for this reason before it began."""
    return SENTENCES.get(reason, _LATER)
