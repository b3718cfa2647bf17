"""The pool of numbers. `_id` is the number itself, which makes it the index that calls are routed by."""

from callgenie.mongo.schema.models import OBJECT_ID, STRING, Collection, Index, maybe, one_of

PHONE_NUMBERS = Collection(
    name="phonenumbers",
    required=("_id", "state"),
    properties={
        "_id": STRING,
        "state": one_of("free", "assigned", "quarantine"),
        "userId": {"bsonType": [OBJECT_ID["bsonType"], "null"]},
        "assignedAt": maybe("date"),
        "quarantineUntil": maybe("date"),
        "country": maybe("string"),
        "areaCode": maybe("string"),
    },
    indexes=(
        # One number a user at most: two assignments at once meet here, and one of them loses.
        Index("userId_unique", (("userId", 1),), unique=True, where={"userId": {"$type": "objectId"}}),
        Index("state_country_areaCode", (("state", 1), ("country", 1), ("areaCode", 1), ("_id", 1))),
    ),
)
