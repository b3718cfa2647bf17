"""Where analyses are kept: field `analysis` of the conversation they are of."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bson import ObjectId
from pymongo import UpdateOne
from pymongo.asynchronous.database import AsyncDatabase

from callgenie.conversations.documents import Document
from callgenie.conversations.follow_up_store import naming
from callgenie.conversations.models import AnalysisState
from callgenie.kernel.ids import SessionId, UserId
from callgenie.mongo.client import retrying
from callgenie.voice.analyst import Findings


@dataclass(frozen=True, slots=True)
class NewAnalysis:
    """What a conversation was about; `by` says who found it, and `then` names what follows it."""

    user_id: UserId
    session_id: SessionId
    findings: Findings
    state: AnalysisState
    by: str
    then: Sequence[str] = ()


class AnalysisStore:
    """Keeps one analysis of a conversation, the first."""

    def __init__(self, db: AsyncDatabase[dict[str, Any]]) -> None:
        self._conversations = db["conversations"]

    async def keep(self, analyses: Sequence[NewAnalysis]) -> int:
        """Keep analyses, and name in the same write what follows each; return how many were kept.

        Where there is one already, or nothing to keep it in, nothing changes.
        """
        if not analyses:
            return 0
        writes: list[UpdateOne] = [_write_of(analysis) for analysis in analyses]
        kept = await retrying(lambda: self._conversations.bulk_write(writes, ordered=False))
        return kept.matched_count


def _write_of(analysis: NewAnalysis) -> UpdateOne:
    findings = analysis.findings
    query = {
        "userId": ObjectId(analysis.user_id),
        "sessionId": analysis.session_id,
        "deletedAt": None,
        "analysis": {"$exists": False},
    }
    # What callers said may begin with a dollar, and must stay text.
    kept: Document = {
        "state": analysis.state.value,
        "summary": {"$literal": findings.summary},
        "callerName": {"$literal": findings.caller_name},
        "wish": {"$literal": findings.wish},
        "by": {"$literal": analysis.by},
        "at": "$$NOW",
    }
    return UpdateOne(query, [{"$set": {"analysis": kept, **naming(analysis.then)}}])
