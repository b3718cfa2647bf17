"""Numbers that a user's assistant must not call."""

from callgenie.mongo.schema.models import DATE, OBJECT_ID, STRING, Collection, Index

DO_NOT_CALL = Collection(
    name="donotcall",
    required=("userId", "phoneNumber", "addedAt"),
    properties={
        "userId": OBJECT_ID,
        "phoneNumber": STRING,
        "note": STRING,
        "addedAt": DATE,
    },
    indexes=(Index("userId_phoneNumber_unique", (("userId", 1), ("phoneNumber", 1)), unique=True),),
)
