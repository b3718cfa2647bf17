"""Whose data is erased or was. `_id` is the user's id, and nothing else about them is kept."""

from callgenie.mongo.schema.models import DATE, OBJECT_ID, Collection, Index

ERASURES = Collection(
    name="erasures",
    required=("_id", "requestedAt"),
    properties={
        "_id": OBJECT_ID,
        "requestedAt": DATE,
        # When everything was deleted last; what was on its way then is looked for once more, later.
        "purgedAt": DATE,
        "finishedAt": DATE,
    },
    indexes=(Index("finishedAt", (("finishedAt", 1),)),),
)
