"""Questions of callers that were not answered, one document for each question of a user."""

from callgenie.mongo.schema.models import COUNT, DATE, OBJECT_ID, STRING, Collection, Index

_ASKING = {
    "bsonType": "object",
    "required": ["sessionId", "turn", "at", "question"],
    "properties": {"sessionId": STRING, "turn": COUNT, "at": DATE, "question": STRING},
}

UNANSWERED_QUESTIONS = Collection(
    name="unansweredquestions",
    required=("userId", "key", "askings", "earlier"),
    properties={
        "userId": OBJECT_ID,
        # Stands for the words of the question.
        "key": STRING,
        # The newest ones, the newest last; `earlier` counts those before them.
        "askings": {"bsonType": "array", "maxItems": 50, "items": _ASKING},
        "earlier": COUNT,
        # Of the newest asking; absent while there is none.
        "question": STRING,
        "lastAskedAt": DATE,
        # When its owner last took it off the list.
        "deletedAt": DATE,
        "deletion": OBJECT_ID,
        # Of a question that is not on the list: when nothing about it needs to be known any more.
        "removeAt": DATE,
    },
    indexes=(
        Index("userId_key_unique", (("userId", 1), ("key", 1)), unique=True),
        Index("userId_lastAskedAt", (("userId", 1), ("lastAskedAt", -1), ("_id", -1))),
        Index("userId_askings_sessionId", (("userId", 1), ("askings.sessionId", 1))),
        Index("removeAt_ttl", (("removeAt", 1),), expire_after_seconds=0),
    ),
)
