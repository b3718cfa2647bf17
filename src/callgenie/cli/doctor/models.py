"""What a check finds."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How it stands: a hint is for the owner to judge, bad means that something does not work or soon will not."""

    GOOD = "good"
    HINT = "hint"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, how it stands, and what to do if it is not good."""

    verdict: Verdict
    subject: str
    sentence: str


def good(subject: str, sentence: str) -> Finding:
    """Return that all is well."""
    return Finding(Verdict.GOOD, subject, sentence)


def hint(subject: str, sentence: str) -> Finding:
    """Return something that may be meant so."""
    return Finding(Verdict.HINT, subject, sentence)


def bad(subject: str, sentence: str) -> Finding:
    """Return something to mend."""
    return Finding(Verdict.BAD, subject, sentence)
