"""API keys. Of the key itself only a hash is kept."""

from callgenie.mongo.schema.models import DATE, OBJECT_ID, STRING, Collection, Index

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
    },
    indexes=(Index("userId_createdAt", (("userId", 1), ("createdAt", -1), ("_id", -1))),),
)
