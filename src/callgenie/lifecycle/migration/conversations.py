"""What the Node version's message pairs become: one conversation for each session. Pure: no database.

The Node version kept each pair of messages as a document of its own, so a call of five exchanges is five documents of
one `sessionId`. The documents' ids become the exchange ids: with them a repetition finds what it has taken before.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final

from bson import ObjectId

from callgenie.billing.periods import period_at
from callgenie.conversations.documents import recorded_turn_document
from callgenie.conversations.models import DURATION_SECONDS_MAX, SESSION_ID_CHARS_MAX, TURN_CHARS_MAX
from callgenie.kernel.ids import digest_key
from callgenie.kernel.vocabulary import CallStatus, Carrier, Direction, TurnRole
from callgenie.lifecycle.migration import reading
from callgenie.lifecycle.migration.accounts import Owner, Remark
from callgenie.lifecycle.migration.reading import Document

MIGRATED_FROM: Final = "node"

# A conversation has room for 2,000 turns and MongoDB's 16 MiB. What goes beyond becomes a conversation of its own.
EXCHANGES_MAX: Final = 900
_CHARS_MAX: Final = 2_000_000

_STATUSES: Final = {
    "failed": CallStatus.FAILED,
    "error": CallStatus.FAILED,
    "rejected": CallStatus.REJECTED,
    "busy": CallStatus.REJECTED,
    "abandoned": CallStatus.ABANDONED,
    "missed": CallStatus.ABANDONED,
    "no-answer": CallStatus.ABANDONED,
    "cancelled": CallStatus.ABANDONED,
    "canceled": CallStatus.ABANDONED,
}
# Where the Node version noted how long something took, and our word for it; all are milliseconds.
_LATENCIES: Final = {
    "sttFinal": ("transcriptionTime", "transcriptionTimeMs"),
    "serverE2e": ("responseTime", "responseTimeMs"),
}
_SECTIONS: Final = ("metadata", "metrics", "performance", "performanceMetrics", "processing", "processingMetadata")
_METRICS_MAX: Final = 50
_METRIC_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_METRIC_CHARS_MAX: Final = 500
_INTEGER_MAX: Final = 2**53


@dataclass(frozen=True, slots=True)
class Pair:
    """One document of the source: what was said, what was answered, and what else it knows."""

    id: str
    said: str
    answered: str
    at: datetime
    duration: float | None
    source: Document


@dataclass(frozen=True, slots=True)
class Session:
    """The pairs that make one conversation of ours, in their order."""

    owner: Owner
    session_id: str
    pairs: Sequence[Pair]


def session_key(source: Document) -> str:
    """Return what a document's conversation is called here; without a session id it is one of its own."""
    given = reading.text(reading.first(source, "sessionId", "session_id", "callSid", "callId"))
    if not given:
        return f"node-{source.get('_id')}"[:SESSION_ID_CHARS_MAX]
    return given if len(given) <= SESSION_ID_CHARS_MAX else f"node-{digest_key(given)}"


def sessions_of(owner: Owner, key: str, sources: Sequence[Document]) -> Iterator[Session]:
    """Yield the conversation that the documents make, or several where one has no room for them."""
    pairs = sorted(map(_pair, sources), key=lambda pair: (pair.at, pair.id))
    part: list[Pair] = []
    chars = parts = 0
    for pair in pairs:
        length = len(pair.said) + len(pair.answered)
        if part and (len(part) == EXCHANGES_MAX or chars + length > _CHARS_MAX):
            yield Session(owner, _part_key(key, parts), part)
            part, chars, parts = [], 0, parts + 1
        part.append(pair)
        chars += length
    yield Session(owner, _part_key(key, parts), part)


def _part_key(key: str, part: int) -> str:
    return key if part == 0 else f"{key[: SESSION_ID_CHARS_MAX - 8]}~{part + 1}"


def _pair(source: Document) -> Pair:
    return Pair(
        id=str(source.get("_id")),
        said=reading.text(reading.first(source, "userMessage", "message", "userInput", "transcript")),
        answered=reading.text(reading.first(source, "aiResponse", "response", "assistantMessage", "reply")),
        at=reading.made_at(source, "startTime", "startedAt", "timestamp", "createdAt", "created_at"),
        duration=_duration(source),
        source=source,
    )


def _duration(source: Document) -> float | None:
    found = reading.number(reading.first(source, "duration", "callDuration", "durationSeconds"))
    return None if found is None or found < 0 else found


def conversation_document(session: Session, remark: Remark) -> dict[str, Any]:
    """Return the conversation as we keep it, not billed yet."""
    started_at = session.pairs[0].at
    duration = _whole_duration(session.pairs, remark)
    document: dict[str, Any] = {
        "carrier": Carrier.API.value,
        "direction": _direction(session.pairs[0].source).value,
        "status": _status(session.pairs, remark).value,
        "phoneNumber": _phone(session.pairs, remark),
        "startedAt": started_at,
        "answeredAt": started_at,
        "endedAt": max(started_at + timedelta(seconds=duration or 0), session.pairs[-1].at),
        # What is dated before the sign-up belongs to the first period, as everywhere.
        "periodStart": period_at(session.owner.created_at, max(started_at, session.owner.created_at)).start,
        "turns": turn_documents(session.pairs, remark),
        "exchangeIds": [pair.id for pair in session.pairs],
        "revision": 1,
        "migratedFrom": MIGRATED_FROM,
    }
    document["turnCount"] = len(document["turns"])
    known = reading.object_id(session.pairs[0].source.get("_id"))
    document["_id"] = known or ObjectId(digest_key(session.pairs[0].id)[:24])
    if duration is not None:
        document["duration"] = duration
    urls = list(dict.fromkeys(url for pair in session.pairs if (url := _audio_url(pair.source))))
    if urls:
        document["audioUrl"] = urls[0]
    if metrics := _metrics(session.pairs, urls[1:]):
        document["metrics"] = metrics
    return document


def turn_documents(pairs: Sequence[Pair], remark: Remark, *, after: int = 0) -> list[dict[str, Any]]:
    """Return what was said and answered as turns, numbered on from `after`."""
    turns: list[dict[str, Any]] = []
    for pair in pairs:
        for role, said in ((TurnRole.USER, pair.said), (TurnRole.ASSISTANT, pair.answered)):
            if not said:
                # Where one side said nothing, there is no turn of it.
                continue
            turn = recorded_turn_document(after + len(turns) + 1, role, said[:TURN_CHARS_MAX], pair.at)
            if len(said) > TURN_CHARS_MAX:
                turn["shortened"] = True
                remark(f"a text of more than {TURN_CHARS_MAX} characters lost its end")
            if role is TurnRole.ASSISTANT and (latency := _latency(pair.source)):
                turn["latency"] = latency
            turns.append(turn)
    return turns


def _whole_duration(pairs: Sequence[Pair], remark: Remark) -> int | None:
    """Return the call's whole seconds.

    Some installations noted with each exchange how long the call had lasted so far, some how long the exchange took.
    Figures that never fall, the last of which covers the time from the first exchange to the last, are the former.
    """
    known = [pair.duration for pair in pairs if pair.duration is not None]
    if not known:
        return None
    spread = (pairs[-1].at - pairs[0].at).total_seconds()
    so_far = all(earlier <= later for earlier, later in pairwise(known)) and known[-1] >= spread
    seconds = known[-1] if so_far else sum(known)
    if seconds > DURATION_SECONDS_MAX:
        remark("its duration was longer than a day, and was cut to that")
    return math.ceil(min(seconds, DURATION_SECONDS_MAX))


def _status(pairs: Sequence[Pair], remark: Remark) -> CallStatus:
    words = [word for pair in pairs if (word := reading.word(pair.source.get("status")))]
    if not words or words[-1] not in _STATUSES:
        # Whatever else it says, also that it goes on: there was an exchange, and by now it is over.
        if words and words[-1] != CallStatus.COMPLETED:
            remark("its status is none that a call ends with; it counts as completed")
        return CallStatus.COMPLETED
    return _STATUSES[words[-1]]


def _direction(source: Document) -> Direction:
    outbound = reading.word(source.get("direction")).startswith("outbound")
    return Direction.OUTBOUND if outbound else Direction.INBOUND


def _phone(pairs: Sequence[Pair], remark: Remark) -> str | None:
    given = [value for pair in pairs if (value := reading.first(pair.source, "phoneNumber", "phone", "callerNumber"))]
    found = next((number for value in given if (number := reading.phone(value))), None)
    if given and found is None:
        remark("its phone number is not E.164; it was left out")
    return found


def _audio_url(source: Document) -> str:
    return reading.text(reading.first(source, "audioUrl", "recordingUrl", "audio.url"))


def _latency(source: Document) -> dict[str, int]:
    found: dict[str, int] = {}
    for ours, theirs in _LATENCIES.items():
        places = [*theirs, *(f"{part}.{name}" for part in _SECTIONS for name in theirs)]
        taken = reading.milliseconds(reading.first(source, *places))
        if taken is not None:
            found[ours] = taken
    return found


def _metrics(pairs: Sequence[Pair], further_urls: Sequence[str]) -> dict[str, Any]:
    """Return what else was noted about the call, as far as it is plain; the first one to say something is believed."""
    found: dict[str, Any] = {f"audioUrl{number}": url for number, url in enumerate(further_urls, start=2)}
    for pair in pairs:
        for part in _SECTIONS:
            for name, value in reading.section(pair.source, part).items():
                if _METRIC_NAME.fullmatch(name) and _is_plain(value):
                    found.setdefault(name, value)
    return dict(list(found.items())[:_METRICS_MAX])


def _is_plain(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= _METRIC_CHARS_MAX
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, bool) or (isinstance(value, int) and abs(value) < _INTEGER_MAX)


def missing_pairs(session: Session, exchange_ids: Sequence[str]) -> list[Pair]:
    """Return the pairs that a conversation of these exchanges does not have yet."""
    known = set(exchange_ids)
    return [pair for pair in session.pairs if pair.id not in known]


def bills(
    completed: Sequence[Mapping[str, Any]], *, calls: int, seconds: int
) -> Iterator[tuple[Mapping[str, Any], dict[str, Any]]]:
    """Share what the ledger counts out among a period's calls, first come, first served.

    Yields each conversation with what it is to say about itself. The same calls share the same figures the same way.
    """
    for conversation in completed:
        duration = conversation.get("duration") or 0
        billable = min(duration, seconds)
        counted = calls > 0
        seconds, calls = seconds - billable, calls - counted
        yield (
            conversation,
            {"billableSeconds": billable, "overageSeconds": duration - billable, "counted": counted},
        )
