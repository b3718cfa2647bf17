"""What a user has used in one period; `_id` is `userId:periodStart`."""

from callgenie.mongo.schema.models import COUNT, OBJECT, STRING, Collection, Index, maybe

USAGE = Collection(
    name="usage",
    required=("_id", "calls", "seconds", "held", "holds"),
    properties={
        "_id": STRING,
        "calls": COUNT,
        "seconds": COUNT,
        "held": COUNT,
        "holds": OBJECT,
        "gone": {"bsonType": "array"},
        "nextExpiryAt": maybe("date"),
    },
    indexes=(
        # The earliest end of any hold, null without holds: the sweeper finds what expired without reading the rest.
        Index("nextExpiryAt", (("nextExpiryAt", 1),), where={"nextExpiryAt": {"$type": "date"}}),
    ),
)
