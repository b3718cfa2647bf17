"""Calls and their record, one document for each `sessionId` of a user."""

from callgenie.kernel.vocabulary import (
    CallStatus,
    Carrier,
    Direction,
    EndedReason,
    Fault,
    Outcome,
    RecordingFault,
    RecordingState,
    TransferStatus,
    TurnRole,
)
from callgenie.mongo.schema.models import (
    BOOLEAN,
    COUNT,
    DATE,
    OBJECT,
    OBJECT_ID,
    STRING,
    TEXT,
    Collection,
    Index,
    maybe,
    one_of,
)

_TURN = {
    "bsonType": "object",
    "required": ["number", "role", "text", "at"],
    "properties": {
        "number": COUNT,
        "role": one_of(*TurnRole),
        "text": STRING,
        "at": DATE,
        "generatedText": STRING,
        "interrupted": BOOLEAN,
        "shortened": BOOLEAN,
        "startedMs": COUNT,
        "endedMs": COUNT,
        "latency": OBJECT,
        "outcome": one_of(*Outcome),
    },
}

_MESSAGE = {
    "bsonType": "object",
    "required": ["id", "text", "name", "number", "at"],
    "properties": {
        "id": STRING,
        "text": STRING,
        "name": STRING,
        "number": STRING,
        "at": DATE,
        # Only where it is false: the call ended before the caller could say that it is right.
        "confirmed": BOOLEAN,
    },
}

_TRANSFER = {
    "bsonType": "object",
    "required": ["to", "status", "requestedAt"],
    "properties": {
        "to": STRING,
        "status": one_of(*TransferStatus),
        "requestedAt": DATE,
        "dialledAt": DATE,
        "endedAt": DATE,
        "seconds": COUNT,
    },
}

_FOLLOW_UP = {
    "bsonType": "object",
    "required": ["kind", "askedAt", "dueAt", "attempts"],
    "properties": {"kind": STRING, "askedAt": DATE, "dueAt": DATE, "attempts": COUNT, "claim": STRING},
}

_ANALYSIS = {
    "bsonType": "object",
    "required": ["state", "summary", "callerName", "wish", "by", "at"],
    "properties": {
        "state": one_of("done", "failed"),
        "summary": STRING,
        "callerName": maybe("string"),
        "wish": maybe("string"),
        "by": STRING,
        "at": DATE,
    },
}

_RECORDING = {
    "bsonType": "object",
    "required": ["state"],
    "properties": {
        "state": one_of(*RecordingState),
        "key": STRING,
        "seconds": COUNT,
        "bytes": COUNT,
        "fault": one_of(*RecordingFault),
        "removeAt": DATE,
    },
}

CONVERSATIONS = Collection(
    name="conversations",
    required=(
        "userId",
        "sessionId",
        "carrier",
        "direction",
        "status",
        "startedAt",
        "periodStart",
        "turns",
        "turnCount",
    ),
    properties={
        "userId": OBJECT_ID,
        "sessionId": STRING,
        "carrier": one_of(*Carrier),
        "direction": one_of(*Direction),
        "status": one_of(*CallStatus),
        "carrierStatus": maybe("string"),
        "endedReason": {"enum": [*EndedReason, None]},
        "fault": {"enum": [*Fault, None]},
        "phoneNumber": maybe("string"),
        "dialledNumber": maybe("string"),
        "startedAt": DATE,
        "answeredAt": DATE,
        "answeredBy": STRING,
        "endedAt": DATE,
        "periodStart": DATE,
        "admitBy": DATE,
        "leaseUntil": DATE,
        "afterHours": BOOLEAN,
        "hangUpRequestedAt": DATE,
        "analysis": _ANALYSIS,
        "heartbeatSeconds": COUNT,
        "grantedSeconds": COUNT,
        "duration": COUNT,
        "billableSeconds": COUNT,
        "overageSeconds": COUNT,
        "counted": BOOLEAN,
        "turns": {"bsonType": "array", "maxItems": 2_000, "items": _TURN},
        "turnCount": COUNT,
        "transfer": _TRANSFER,
        "messages": {"bsonType": "array", "maxItems": 10, "items": _MESSAGE},
        "exchangeIds": {"bsonType": "array", "maxItems": 2_000, "items": STRING},
        "revision": COUNT,
        "audioUrl": STRING,
        # Of a call that we placed: what the other party saw, what it was about, the carrier's name of it, and who had
        # the carrier place it, so that nobody does so twice.
        "callerId": STRING,
        "purpose": STRING,
        "leg": STRING,
        "placedBy": STRING,
        # Of the rest of a call, whose caller was handed on and met nobody: the session id of that call.
        "continues": STRING,
        "recording": _RECORDING,
        # Where a conversation comes from that another program kept before.
        "migratedFrom": STRING,
        # Of a deleted conversation only what usage is made of is left, so that the ledger still agrees with the record.
        "deletedAt": DATE,
        "followUps": {"bsonType": "array", "maxItems": 20, "items": _FOLLOW_UP},
        "followUpAt": DATE,
        "metrics": OBJECT,
    },
    indexes=(
        Index("userId_sessionId_unique", (("userId", 1), ("sessionId", 1)), unique=True),
        Index("sessionId", (("sessionId", 1),)),
        Index("userId_startedAt", (("userId", 1), ("startedAt", -1), ("_id", -1))),
        # What one caller has called about, also while they wait to be greeted.
        Index("userId_phoneNumber_startedAt", (("userId", 1), ("phoneNumber", 1), ("startedAt", -1), ("_id", -1))),
        Index("userId_status_startedAt", (("userId", 1), ("status", 1), ("startedAt", -1))),
        Index("userId_turns_text", (("userId", 1), ("turns.text", TEXT))),
        # What the sweeper looks through every few seconds. Only calls in progress, or ended and not settled yet, have
        # the field: the index is as large as they are, not as the history.
        Index("leaseUntil", (("leaseUntil", 1),), where={"leaseUntil": {"$type": "date"}}),
        # What follows calls: its age, and where every worker looks each second for kinds that it knows. With the kind
        # in it, a worker that has done its share of a backlog does not read what is left to others.
        Index("followUpAt", (("followUpAt", 1),), where={"followUpAt": {"$type": "date"}}),
        Index(
            "followUps_kind_followUpAt",
            (("followUps.kind", 1), ("followUpAt", 1)),
            where={"followUpAt": {"$type": "date"}},
        ),
        # What workers look through where they cannot follow changes: calls that are to be hung up and are not settled.
        Index(
            "hangUpRequestedAt",
            (("hangUpRequestedAt", 1),),
            where={"hangUpRequestedAt": {"$type": "date"}, "leaseUntil": {"$type": "date"}},
        ),
        # Which recordings are to be removed, soonest first.
        Index("recording_removeAt", (("recording.removeAt", 1),), where={"recording.removeAt": {"$type": "date"}}),
    ),
)
