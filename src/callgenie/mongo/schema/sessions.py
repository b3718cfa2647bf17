"""Logins. The server removes them some time after their end; until then their end is checked by whoever reads them."""

from callgenie.mongo.schema.models import DATE, OBJECT_ID, Collection, Index

SESSIONS = Collection(
    name="sessions",
    required=("userId", "expiresAt"),
    properties={"userId": OBJECT_ID, "expiresAt": DATE},
    indexes=(
        Index("expiresAt_ttl", (("expiresAt", 1),), expire_after_seconds=0),
        Index("userId", (("userId", 1),)),
    ),
)
