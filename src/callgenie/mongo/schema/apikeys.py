"""API keys. Of the key itself only a hash is kept; the server removes deleted ones after a day."""

from callgenie.mongo.schema.models import DATE, OBJECT_ID, STRING, Collection, Index, maybe

API_KEYS = Collection(
    name="apikeys",
    required=("userId", "name", "hash", "hint", "scopes", "createdAt"),
    properties={
        "userId": OBJECT_ID,
        "name": STRING,
        "hash": STRING,
        "hint": STRING,
        "scopes": {"bsonType": "array", "items": STRING},
        "createdAt": DATE,
        "deletedAt": maybe("date"),
    },
    indexes=(
        Index("userId_createdAt", (("userId", 1), ("createdAt", -1), ("_id", -1))),
        Index("deletedAt_ttl", (("deletedAt", 1),), expire_after_seconds=24 * 60 * 60),
    ),
)
