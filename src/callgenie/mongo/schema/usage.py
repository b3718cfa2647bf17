"""What a user has used in one period; `_id` is `userId:periodStart`."""

from callgenie.mongo.schema.models import COUNT, DATE, OBJECT, OBJECT_ID, STRING, Collection, Index

USAGE = Collection(
    name="usage",
    required=("_id", "userId", "periodStart", "calls", "seconds", "held", "holds", "gone"),
    properties={
        "_id": STRING,
        "userId": OBJECT_ID,
        "periodStart": DATE,
        "calls": COUNT,
        "seconds": COUNT,
        "held": COUNT,
        # Keyed by a digest of the session id, which may hold dots and dollars.
        "holds": {
            **OBJECT,
            "additionalProperties": {
                "bsonType": "object",
                "required": ["seconds", "calls", "live", "sessionId", "expiresAt"],
                "properties": {
                    "seconds": COUNT,
                    "calls": COUNT,
                    "live": {"bsonType": "bool"},
                    "sessionId": STRING,
                    "expiresAt": DATE,
                },
            },
        },
        "gone": {
            "bsonType": "array",
            "items": {"bsonType": "object", "required": ["id", "at"], "properties": {"id": STRING, "at": DATE}},
        },
        "nextExpiryAt": DATE,
        # The part of `calls` and `seconds` that a migration brought along.
        "carried": {
            "bsonType": "object",
            "required": ["calls", "seconds"],
            "properties": {"calls": COUNT, "seconds": COUNT},
        },
    },
    indexes=(
        # The earliest end of any hold, absent without holds: the sweeper finds what expired without reading the rest.
        Index("nextExpiryAt", (("nextExpiryAt", 1),), where={"nextExpiryAt": {"$type": "date"}}),
        # Erasure and reconciliation go through one user's periods.
        Index("userId_periodStart", (("userId", 1), ("periodStart", -1))),
    ),
)
