"""Mail that waits, and for some days mail that is done with."""

from callgenie.mongo.schema.models import COUNT, DATE, OBJECT, STRING, Collection, Index, maybe, one_of

OUTBOX = Collection(
    name="outbox",
    required=("_id", "kind", "facts", "state", "attempts", "askedAt", "dueAt"),
    properties={
        "_id": STRING,
        "kind": STRING,
        "userId": maybe("objectId"),
        "email": maybe("string"),
        "facts": OBJECT,
        "state": one_of("waiting", "sent", "kept", "dropped", "dead"),
        "attempts": COUNT,
        "askedAt": DATE,
        # When it may be claimed: while it is claimed, when the claim runs out.
        "dueAt": DATE,
        "claim": maybe("string"),
        "error": maybe("string"),
        "doneAt": DATE,
        "keptForMs": COUNT,
        "expiresAt": maybe("date"),
    },
    indexes=(
        # Every worker looks here every second; what is done with is not in it.
        Index("dueAt_waiting", (("dueAt", 1),), where={"state": "waiting"}),
        Index("state_askedAt", (("state", 1), ("askedAt", -1))),
        # Erasure and export.
        Index("userId", (("userId", 1),)),
        Index("email", (("email", 1),)),
        # What waits has no end, so it is never removed.
        Index("expiresAt_ttl", (("expiresAt", 1),), expire_after_seconds=0),
    ),
)
