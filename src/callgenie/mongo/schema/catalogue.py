"""The list of all collections."""

from typing import Final

from callgenie.mongo.schema.apikeys import API_KEYS
from callgenie.mongo.schema.attempts import ATTEMPTS
from callgenie.mongo.schema.conversations import CONVERSATIONS
from callgenie.mongo.schema.donotcall import DO_NOT_CALL
from callgenie.mongo.schema.erasures import ERASURES
from callgenie.mongo.schema.idempotency import IDEMPOTENCY
from callgenie.mongo.schema.models import Collection
from callgenie.mongo.schema.outbox import OUTBOX
from callgenie.mongo.schema.phonenumbers import PHONE_NUMBERS
from callgenie.mongo.schema.sessions import SESSIONS
from callgenie.mongo.schema.textconversations import TEXT_CONVERSATIONS
from callgenie.mongo.schema.tokens import TOKENS
from callgenie.mongo.schema.unansweredquestions import UNANSWERED_QUESTIONS
from callgenie.mongo.schema.usage import USAGE
from callgenie.mongo.schema.userprofiles import USER_PROFILES
from callgenie.mongo.schema.users import USERS
from callgenie.mongo.schema.webhooks import WEBHOOK_DELIVERIES, WEBHOOK_ENDPOINTS

COLLECTIONS: Final[tuple[Collection, ...]] = (
    USERS,
    USER_PROFILES,
    PHONE_NUMBERS,
    CONVERSATIONS,
    USAGE,
    SESSIONS,
    API_KEYS,
    ATTEMPTS,
    DO_NOT_CALL,
    IDEMPOTENCY,
    ERASURES,
    TOKENS,
    OUTBOX,
    WEBHOOK_ENDPOINTS,
    WEBHOOK_DELIVERIES,
    UNANSWERED_QUESTIONS,
    TEXT_CONVERSATIONS,
)
