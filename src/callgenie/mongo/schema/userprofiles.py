"""Each user's settings and state."""

from callgenie.mongo.schema.models import COUNT, OBJECT, OBJECT_ID, Collection, Index

USER_PROFILES = Collection(
    name="userprofiles",
    required=("userId", "preferences", "business", "subscription", "version"),
    properties={
        "userId": OBJECT_ID,
        "preferences": OBJECT,
        "business": OBJECT,
        "subscription": OBJECT,
        "version": COUNT,
    },
    indexes=(
        Index("userId_unique", (("userId", 1),), unique=True),
        Index(
            "stripeCustomerId_unique",
            (("subscription.stripeCustomerId", 1),),
            unique=True,
            # Every string, neither null nor absent; and a query for one value uses such an index.
            where={"subscription.stripeCustomerId": {"$gt": ""}},
        ),
    ),
)
