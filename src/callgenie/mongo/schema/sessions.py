"""Logins. The server removes them some time after their end; until then whoever reads them checks that."""

from callgenie.mongo.schema.models import COUNT, DATE, OBJECT_ID, STRING, Collection, Index, maybe

SESSIONS = Collection(
    name="sessions",
    required=("userId", "authEpoch", "refreshHash", "createdAt", "expiresAt"),
    properties={
        "userId": OBJECT_ID,
        "authEpoch": COUNT,
        "refreshHash": STRING,
        "parentHash": maybe("string"),
        "createdAt": DATE,
        "rotatedAt": maybe("date"),
        "expiresAt": DATE,
        "endedAt": maybe("date"),
    },
    indexes=(
        Index("expiresAt_ttl", (("expiresAt", 1),), expire_after_seconds=0),
        Index("userId", (("userId", 1),)),
    ),
)
