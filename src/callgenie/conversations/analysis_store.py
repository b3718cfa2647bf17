"""Where analyses are kept: field `analysis` of the conversation they are of."""

from collections.abc import Sequence
from typing import Any

from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from callgenie.conversations.documents import Document
from callgenie.conversations.follow_up_store import naming
from callgenie.conversations.models import AnalysisState, Conversation
from callgenie.mongo.client import retrying
from callgenie.voice.analyst import Findings


class AnalysisStore:
    """Keeps one analysis of a conversation, the first."""

    def __init__(self, db: AsyncDatabase[dict[str, Any]]) -> None:
        self._conversations = db["conversations"]

    async def keep(
        self, conversation: Conversation, findings: Findings, state: AnalysisState, by: str, *, then: Sequence[str]
    ) -> bool:
        """Keep an analysis and name what follows it; False where there is one already, or nothing to keep it in."""
        query = {
            "userId": ObjectId(conversation.user_id),
            "sessionId": conversation.session_id,
            "deletedAt": None,
            "analysis": {"$exists": False},
        }
        # What callers said may begin with a dollar, and must stay text.
        analysis: Document = {
            "state": state.value,
            "summary": {"$literal": findings.summary},
            "callerName": {"$literal": findings.caller_name},
            "wish": {"$literal": findings.wish},
            "by": {"$literal": by},
            "at": "$$NOW",
        }
        steps = [{"$set": {"analysis": analysis, **naming(then)}}]
        kept = await retrying(lambda: self._conversations.update_one(query, steps))
        return kept.matched_count == 1
