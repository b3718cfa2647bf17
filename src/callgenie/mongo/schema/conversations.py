"""Calls and their record, one document for each `sessionId` of a user."""

from callgenie.kernel.vocabulary import LIVE_STATUSES, CallStatus, EndedReason, Fault, TurnRole
from callgenie.mongo.schema.models import COUNT, DATE, OBJECT, STRING, TEXT, Collection, Index, maybe, one_of

CONVERSATIONS = Collection(
    name="conversations",
    required=("sessionId", "status", "startedAt"),
    properties={
        # Null where a call came in on a number that belongs to nobody: recorded all the same, seen by no user.
        "userId": maybe("objectId"),
        "sessionId": STRING,
        "status": one_of(*CallStatus),
        "endedReason": {"enum": [*EndedReason, None]},
        "fault": {"enum": [*Fault, None]},
        "phoneNumber": maybe("string"),
        "dialledNumber": maybe("string"),
        "startedAt": DATE,
        "answeredAt": maybe("date"),
        "endedAt": maybe("date"),
        "heartbeatAt": maybe("date"),
        "billableSeconds": COUNT,
        "overageSeconds": COUNT,
        "turns": {
            "bsonType": "array",
            "maxItems": 2_000,
            "items": {
                "bsonType": "object",
                "required": ["role", "text"],
                "properties": {"role": one_of(*TurnRole), "text": STRING},
            },
        },
        "metrics": {"bsonType": [OBJECT["bsonType"], "null"]},
    },
    indexes=(
        Index("userId_sessionId_unique", (("userId", 1), ("sessionId", 1)), unique=True),
        Index("sessionId", (("sessionId", 1),)),
        Index("userId_startedAt", (("userId", 1), ("startedAt", -1), ("_id", -1))),
        Index("userId_status_startedAt", (("userId", 1), ("status", 1), ("startedAt", -1))),
        Index("userId_turns_text", (("userId", 1), ("turns.text", TEXT))),
        # What the sweeper looks through every few seconds: as large as the calls in progress, not as the history.
        Index("live_heartbeatAt", (("heartbeatAt", 1),), where={"status": {"$in": list(LIVE_STATUSES)}}),
    ),
)
