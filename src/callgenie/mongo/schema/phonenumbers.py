"""The pool of numbers. `_id` is the number itself, which makes it the index that calls are routed by."""

from callgenie.mongo.schema.models import DATE, OBJECT_ID, STRING, Collection, Index, maybe, one_of

PHONE_NUMBERS = Collection(
    name="phonenumbers",
    required=("_id", "state"),
    properties={
        "_id": STRING,
        "state": one_of("free", "assigned", "quarantine"),
        # Absent where nobody has the number, never null: the index below holds what exists.
        "userId": OBJECT_ID,
        "assignedAt": DATE,
        "quarantineUntil": DATE,
        "country": maybe("string"),
        "areaCode": maybe("string"),
    },
    indexes=(
        # One number a user at most: two assignments at once meet here, and one of them loses. (A partial index over a
        # type would not be used by a query for a value of that type.)
        Index("userId_unique", (("userId", 1),), unique=True, where={"userId": {"$exists": True}}),
        Index("state_country_areaCode", (("state", 1), ("country", 1), ("areaCode", 1), ("_id", 1))),
    ),
)
