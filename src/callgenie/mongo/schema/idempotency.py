"""Answers to POSTs that carried an `Idempotency-Key`, for as long as the same request may come again."""

from callgenie.mongo.schema.models import DATE, OBJECT, OBJECT_ID, STRING, Collection, Index, one_of

IDEMPOTENCY = Collection(
    name="idempotency",
    required=("_id", "userId", "fingerprint", "state", "holder", "createdAt", "expiresAt"),
    properties={
        "_id": STRING,
        "userId": OBJECT_ID,
        "fingerprint": STRING,
        "state": one_of("running", "done"),
        "holder": STRING,
        "createdAt": DATE,
        # Absent once the answer is there.
        "leaseUntil": DATE,
        "expiresAt": DATE,
        "answer": OBJECT,
    },
    indexes=(
        Index("expiresAt_ttl", (("expiresAt", 1),), expire_after_seconds=0),
        # For erasing everything about a user.
        Index("userId", (("userId", 1),)),
    ),
)
