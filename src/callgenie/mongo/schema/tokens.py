"""One-time tokens; `_id` is the SHA-256 of the token, which nobody keeps. The server removes them after their end."""

from callgenie.mongo.schema.models import DATE, OBJECT_ID, STRING, Collection, Index, maybe, one_of

TOKENS = Collection(
    name="tokens",
    required=("_id", "purpose", "userId", "registration", "askedAt", "expiresAt", "usedAt"),
    properties={
        "_id": STRING,
        "purpose": one_of("verify", "reset"),
        "userId": OBJECT_ID,
        # Which of several sign-ups at one address it confirms, as long as none is confirmed.
        "registration": maybe("string"),
        "askedAt": DATE,
        "expiresAt": DATE,
        "usedAt": maybe("date"),
        "usedBy": STRING,
    },
    indexes=(
        Index("userId_purpose", (("userId", 1), ("purpose", 1))),
        Index("expiresAt_ttl", (("expiresAt", 1),), expire_after_seconds=0),
    ),
)
