"""Conversations of owners with their own assistant, by text; gone after less than an hour."""

from callgenie.kernel.vocabulary import TurnRole
from callgenie.mongo.schema.models import COUNT, DATE, OBJECT_ID, STRING, Collection, Index, one_of

_MESSAGE = {
    "bsonType": "object",
    "required": ["role", "text", "toolCalls", "toolCallId"],
    "properties": {
        "role": one_of(*TurnRole),
        "text": STRING,
        "toolCalls": {
            "bsonType": "array",
            "items": {
                "bsonType": "object",
                "required": ["id", "name", "arguments"],
                "properties": {"id": STRING, "name": STRING, "arguments": STRING},
            },
        },
        "toolCallId": STRING,
    },
}

TEXT_CONVERSATIONS = Collection(
    name="textconversations",
    required=("userId", "messages", "revision", "createdAt", "expiresAt"),
    properties={
        "userId": OBJECT_ID,
        "messages": {"bsonType": "array", "maxItems": 100, "items": _MESSAGE},
        "revision": COUNT,
        "createdAt": DATE,
        "expiresAt": DATE,
    },
    indexes=(
        Index("expiresAt_ttl", (("expiresAt", 1),), expire_after_seconds=0),
        # Erasure and export.
        Index("userId", (("userId", 1),)),
    ),
)
