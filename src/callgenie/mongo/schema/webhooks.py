"""Where events go, and what is on its way there. Neither holds a secret, nor what was said in a call.

The server removes a deleted endpoint after a day.
"""

from callgenie.mongo.schema.models import (
    BOOLEAN,
    COUNT,
    DATE,
    OBJECT,
    OBJECT_ID,
    STRING,
    Collection,
    Index,
    maybe,
    one_of,
)

_ATTEMPT = {
    "bsonType": "object",
    "required": ["at", "status", "latencyMs", "excerpt", "error"],
    "properties": {
        "at": DATE,
        "status": maybe("int"),
        "latencyMs": COUNT,
        "excerpt": STRING,
        "error": maybe("string"),
    },
}

WEBHOOK_ENDPOINTS = Collection(
    name="webhookendpoints",
    required=("userId", "url", "events", "description", "includeTranscript", "enabled", "generation", "createdAt"),
    properties={
        "userId": OBJECT_ID,
        "url": STRING,
        "events": {"bsonType": "array", "maxItems": 20, "items": STRING},
        "description": STRING,
        "includeTranscript": BOOLEAN,
        "enabled": BOOLEAN,
        "disabledReason": maybe("string"),
        # Which of the secrets that can be derived for it is the present one.
        "generation": COUNT,
        "overlapUntil": DATE,
        "failingSince": maybe("date"),
        "createdAt": DATE,
        "deletedAt": maybe("date"),
    },
    indexes=(
        Index("userId_createdAt", (("userId", 1), ("createdAt", -1), ("_id", -1))),
        Index("deletedAt_ttl", (("deletedAt", 1),), expire_after_seconds=24 * 60 * 60),
    ),
)

WEBHOOK_DELIVERIES = Collection(
    name="webhookdeliveries",
    required=(
        "_id",
        "userId",
        "endpointId",
        "eventId",
        "type",
        "facts",
        "occurredAt",
        "state",
        "attempts",
        "log",
        "createdAt",
        "dueAt",
        "expiresAt",
    ),
    properties={
        "_id": STRING,
        "userId": OBJECT_ID,
        "endpointId": OBJECT_ID,
        "eventId": STRING,
        "type": STRING,
        "sessionId": maybe("string"),
        "facts": OBJECT,
        "occurredAt": DATE,
        "state": one_of("waiting", "delivered", "dead", "cancelled"),
        "attempts": COUNT,
        "log": {"bsonType": "array", "maxItems": 20, "items": _ATTEMPT},
        "createdAt": DATE,
        # When it may be claimed: while it is claimed, when the claim runs out.
        "dueAt": DATE,
        "claim": maybe("string"),
        "expiresAt": DATE,
    },
    indexes=(
        # Every worker looks here every second; what is done with is not in it. With endpoint and user in it, those that
        # are being served already, or have had their share, are passed over without being read.
        Index(
            "dueAt_endpointId_userId_waiting",
            (("dueAt", 1), ("endpointId", 1), ("userId", 1)),
            where={"state": "waiting"},
        ),
        Index("endpointId_dueAt_waiting", (("endpointId", 1), ("dueAt", 1)), where={"state": "waiting"}),
        Index("endpointId_createdAt", (("endpointId", 1), ("createdAt", -1), ("_id", -1))),
        # Erasure and export.
        Index("userId", (("userId", 1),)),
        Index("expiresAt_ttl", (("expiresAt", 1),), expire_after_seconds=0),
    ),
)
