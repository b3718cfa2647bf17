"""The account holders."""

from callgenie.kernel.vocabulary import UserRole, UserStatus
from callgenie.mongo.schema.models import BOOLEAN, COUNT, DATE, STRING, Collection, Index, maybe, one_of

USERS = Collection(
    name="users",
    required=("email", "passwordHash", "name", "role", "status", "emailVerified", "createdAt"),
    properties={
        "email": STRING,
        "passwordHash": STRING,
        "name": STRING,
        "phone": maybe("string"),
        "role": one_of(*UserRole),
        "status": one_of(*UserStatus),
        "emailVerified": BOOLEAN,
        "authEpoch": COUNT,
        "createdAt": DATE,
        # Sign-ups that nobody has confirmed; gone once one of them is. Only an account that nobody could use has any.
        "registrations": {
            "bsonType": "array",
            "items": {
                "bsonType": "object",
                "required": ["id", "passwordHash", "name", "createdAt"],
                "properties": {
                    "id": STRING,
                    "passwordHash": STRING,
                    "name": STRING,
                    "phone": maybe("string"),
                    "createdAt": DATE,
                },
            },
        },
    },
    indexes=(
        Index("email_unique", (("email", 1),), unique=True),
        Index("phone", (("phone", 1),)),
        Index("status", (("status", 1),)),
    ),
)
