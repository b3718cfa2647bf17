"""What is counted to limit it: requests in a window, and attempts to sign in. Nothing here says whose they are."""

from callgenie.mongo.schema.models import COUNT, DATE, OBJECT, STRING, Collection, Index

ATTEMPTS = Collection(
    name="attempts",
    required=("_id", "expiresAt"),
    properties={
        "_id": STRING,
        # Of requests: how many in the window that ends at `expiresAt`.
        "count": COUNT,
        # Of attempts: when each of those was that still count.
        "entries": {"bsonType": "array", "items": OBJECT},
        "expiresAt": DATE,
    },
    indexes=(Index("expiresAt_ttl", (("expiresAt", 1),), expire_after_seconds=0),),
)
