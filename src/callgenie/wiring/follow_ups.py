"""Who does what follows a conversation."""

from collections.abc import Callable, Mapping

from callgenie.conversations.analyses import AnalysisParts, CallAnalyses, ModelAnalyses
from callgenie.conversations.analysis_store import AnalysisStore
from callgenie.conversations.follow_up_plan import ANALYSIS, MODEL_ANALYSIS
from callgenie.conversations.follow_up_store import FollowUpStore
from callgenie.conversations.follow_ups import FollowUpHandler, FollowUps
from callgenie.conversations.message_mail import MessageMailHandler
from callgenie.conversations.message_store import MESSAGE_MAIL
from callgenie.conversations.store import ConversationStore
from callgenie.conversations.unanswered.handler import UnansweredQuestionsHandler
from callgenie.conversations.unanswered.models import UNANSWERED_QUESTIONS
from callgenie.conversations.unanswered.store import UnansweredQuestionStore
from callgenie.voice.analyst import CallAnalyst
from callgenie.webhooks.events import CallEvents
from callgenie.webhooks.models import EventType
from callgenie.wiring.records import Records

CALL_EVENTS = (EventType.CALL_STARTED, EventType.CALL_ENDED, EventType.CALL_ANALYZED)


def build_follow_ups(records: Records) -> FollowUps:
    """Put together what works off that which follows conversations."""
    db = records.database.db
    # A handler that waits long for somebody else has a `FollowUps` and a job of its own, so that the others go on.
    handlers: Mapping[str, FollowUpHandler] = {
        MESSAGE_MAIL: MessageMailHandler(records.outbox),
        UNANSWERED_QUESTIONS: UnansweredQuestionsHandler(ConversationStore(db), UnansweredQuestionStore(db)),
        **{event_type.value: CallEvents(records.webhook_events, event_type) for event_type in CALL_EVENTS},
    }
    return FollowUps(FollowUpStore(db), handlers, records.randomness)


def build_analyses(records: Records, analysts: Mapping[str, CallAnalyst]) -> FollowUps:
    """Put together what sums calls up by rules, and passes on those for which a model is to be asked."""
    store = FollowUpStore(records.database.db)
    return FollowUps(store, {ANALYSIS: CallAnalyses(_parts(records, analysts), store)}, records.randomness)


def build_model_analyses(
    records: Records, analysts: Mapping[str, CallAnalyst], on_failure: Callable[[str, str], None]
) -> FollowUps:
    """Put together what has calls summed up by models, one at a time, since a model takes its time."""
    handler = ModelAnalyses(_parts(records, analysts), on_failure)
    store = FollowUpStore(records.database.db)
    return FollowUps(store, {MODEL_ANALYSIS: handler}, records.randomness, batch_max=1)


def _parts(records: Records, analysts: Mapping[str, CallAnalyst]) -> AnalysisParts:
    db = records.database.db
    return AnalysisParts(ConversationStore(db), AnalysisStore(db), records.profiles, analysts, records.follow_up_plan)
