"""All that the server needs."""

from dataclasses import dataclass, fields

from prometheus_client import CollectorRegistry

from callgenie.calls.admission import Admission
from callgenie.calls.after_stream import AfterStream
from callgenie.calls.after_transfer import AfterTransfer
from callgenie.calls.ask.service import AssistantByText
from callgenie.calls.ask.store import TextConversationStore
from callgenie.calls.carrier_legs import CarrierLegs
from callgenie.calls.desk import CallDesk
from callgenie.calls.greeter import Greeter
from callgenie.calls.hang_ups import HangUpWatch
from callgenie.calls.live import LiveCalls
from callgenie.calls.media_streams import MediaStreams
from callgenie.calls.media_tokens import MediaTokens
from callgenie.calls.memory import CallerMemory
from callgenie.calls.ongoing import OngoingCalls
from callgenie.calls.origins import Origins
from callgenie.calls.outbound import OutboundCalls
from callgenie.calls.sweeper import Sweeper
from callgenie.calls.unconfirmed import UnconfirmedMessages
from callgenie.calls.web_calls import WebCalls
from callgenie.conversations.caller_store import CallerStore
from callgenie.conversations.follow_ups import FollowUps
from callgenie.conversations.ledger_watch import LedgerWatch
from callgenie.conversations.live_store import LiveCallStore
from callgenie.conversations.message_store import MessageStore
from callgenie.conversations.ongoing_store import OngoingCallStore
from callgenie.conversations.reconciliation import Reconciliation
from callgenie.conversations.settlement import Settlement
from callgenie.conversations.totals_store import TotalsStore
from callgenie.conversations.transfer_store import TransferStore
from callgenie.conversations.unanswered.service import UnansweredQuestions
from callgenie.conversations.unanswered.store import UnansweredQuestionStore
from callgenie.http.idempotency_store import IdempotencyStore
from callgenie.http.rate_limits import RateLimits
from callgenie.jobs.outbox import Delivery
from callgenie.kernel.secret_file import Secrets
from callgenie.lifecycle.belongings_store import BelongingsStore
from callgenie.lifecycle.erasure import Erasures
from callgenie.lifecycle.erasure_log import ERASURES_FILE, ErasureLog
from callgenie.lifecycle.erasure_store import ErasureStore
from callgenie.mongo.readiness import Readiness
from callgenie.numbers.do_not_call import DoNotCallList
from callgenie.numbers.do_not_call_store import DoNotCallStore
from callgenie.observability.metrics import Metrics
from callgenie.telephony.twilio.rest import TwilioApi
from callgenie.users.census_store import CensusStore
from callgenie.voice.ports import VoiceProviders
from callgenie.webhooks.service import Webhooks
from callgenie.wiring.carriers import build_outbound_calls, build_twilio_api
from callgenie.wiring.follow_ups import build_analyses, build_follow_ups, build_model_analyses
from callgenie.wiring.limits import build_attempts, build_limits
from callgenie.wiring.mail import build_delivery
from callgenie.wiring.recordings import RecordingServices, build_recordings
from callgenie.wiring.records import Records
from callgenie.wiring.voices import Voices, build_voices, timings_of
from callgenie.wiring.webhooks import WebhookRoom, build_webhooks


@dataclass(frozen=True, slots=True, kw_only=True)
class Services(Records):
    """All that the server needs; routes find it as `app.state.services`."""

    public_url: str
    desk: CallDesk
    live: LiveCalls
    ongoing_calls: OngoingCalls
    web_calls: WebCalls
    hang_ups: HangUpWatch
    twilio_api: TwilioApi | None
    streams: MediaStreams
    greeter: Greeter
    after_stream: AfterStream
    after_transfer: AfterTransfer
    do_not_call: DoNotCallList
    unanswered_questions: UnansweredQuestions
    assistant_by_text: AssistantByText
    outbound_calls: OutboundCalls
    sweeper: Sweeper
    analyses: FollowUps
    model_analyses: FollowUps
    erasures: Erasures
    idempotency: IdempotencyStore
    limits: RateLimits | None
    metrics: Metrics
    webhooks: Webhooks
    webhook_room: WebhookRoom
    ledger_watch: LedgerWatch
    readiness: Readiness
    delivery: Delivery
    follow_ups: FollowUps
    voices: Voices
    recordings: RecordingServices


def build_services(records: Records, secrets: Secrets, providers: VoiceProviders, *, own_url: str) -> Services:
    """Put together the whole server. `own_url` is where this machine reaches it, for when PUBLIC_URL is not set."""
    settings, clock = records.settings, records.clock
    db = records.database.db
    metrics = Metrics(CollectorRegistry())
    calls = LiveCallStore(db, records.follow_up_plan)
    tokens = MediaTokens(secrets.jwt_secret.encode())
    origin = settings.public_url or own_url
    recordings = build_recordings(
        settings, records.database, records.recording_store, secrets.jwt_secret, clock, metrics, origin=origin
    )
    voices = build_voices(settings, providers, clock)
    greeter = Greeter(records.profiles, voices.catalogue, clock, timings_of(settings), recordings.calls)
    admission = Admission(
        numbers=records.numbers,
        profiles=records.profiles,
        terms=records.terms,
        calls=calls,
        ledger=records.ledger,
        tokens=tokens,
        clock=clock,
        expect=greeter.expect,
    )
    limits = build_limits(settings, records.database, clock)
    messages = MessageStore(db)
    desk = CallDesk(
        admission=admission,
        profiles=records.profiles,
        terms=records.terms,
        calls=calls,
        messages=messages,
        ledger=records.ledger,
        tokens=tokens,
        randomness=records.randomness,
        max_call_seconds=settings.max_call_seconds,
        watch=metrics,
    )
    webhook_room = build_webhooks(records, secrets, recordings.links, metrics)
    ongoing = OngoingCallStore(db)
    live = LiveCalls(
        desk,
        voices.catalogue,
        clock,
        timings_of(settings),
        metrics,
        CallerMemory(CallerStore(db)),
        recordings.calls,
    )
    twilio_api = build_twilio_api(settings)
    legs = CarrierLegs(twilio_api)
    streams = MediaStreams(desk, live, tokens, legs)
    do_not_call = DoNotCallList(DoNotCallStore(db), records.cursors)
    pool = records.database.pool
    metrics.watch("callgenie_calls_active", "Calls that run in this process.", lambda: live.count)
    metrics.watch(
        "callgenie_recordings_waiting",
        "Recordings on this machine that the store does not have yet.",
        lambda: recordings.uploads.waiting,
    )
    metrics.watch("callgenie_database_connections_open", "Connections to the database.", lambda: pool.open)
    metrics.watch("callgenie_database_connections_in_use", "Those of them at work.", lambda: pool.in_use)
    return Services(
        **{field.name: getattr(records, field.name) for field in fields(records)},
        public_url=origin,
        desk=desk,
        live=live,
        ongoing_calls=OngoingCalls(
            ongoing=ongoing,
            calls=calls,
            settlement=Settlement(records.ledger, calls),
            live=live,
            legs=legs,
            cursors=records.cursors,
        ),
        do_not_call=do_not_call,
        assistant_by_text=AssistantByText(
            records.profiles,
            voices.catalogue,
            TextConversationStore(db),
            limits,
            clock,
            timings_of(settings),
            metrics.provider_failed,
        ),
        unanswered_questions=UnansweredQuestions(UnansweredQuestionStore(db), records.cursors),
        outbound_calls=build_outbound_calls(records, twilio_api, calls, do_not_call, legs, live, tokens, greeter),
        web_calls=WebCalls(
            desk=desk,
            live=live,
            origins=Origins(settings.public_url or own_url, settings.web_call_origins.split(",")),
            public_url=settings.public_url or own_url,
            clock=clock,
            randomness=records.randomness,
        ),
        hang_ups=HangUpWatch(ongoing, live),
        twilio_api=twilio_api,
        streams=streams,
        greeter=greeter,
        after_stream=AfterStream(calls, TransferStore(db), streams),
        after_transfer=AfterTransfer(calls, TransferStore(db), Settlement(records.ledger, calls), desk, live),
        sweeper=Sweeper(
            calls, records.ledger, records.recording, UnconfirmedMessages(messages, records.profiles), metrics
        ),
        erasures=build_erasures(records, calls, live, recordings),
        recordings=recordings,
        analyses=build_analyses(records, voices.analysts),
        model_analyses=build_model_analyses(records, voices.analysts, metrics.provider_failed),
        idempotency=IdempotencyStore(records.database.db, secrets.jwt_secret, records.randomness),
        limits=limits,
        metrics=metrics,
        webhooks=webhook_room.service,
        webhook_room=webhook_room,
        ledger_watch=LedgerWatch(Reconciliation(records.ledger, TotalsStore(db)), CensusStore(db)),
        readiness=Readiness(records.database, clock),
        delivery=build_delivery(records, secrets, origin=origin),
        follow_ups=build_follow_ups(records),
        voices=voices,
    )


def build_erasures(records: Records, calls: LiveCallStore, live: LiveCalls, recordings: RecordingServices) -> Erasures:
    """Put together what erases users."""
    return Erasures(
        accounts=records.users,
        numbers=records.numbers,
        calls=calls,
        running=live,
        recordings=recordings.removals,
        belongings=BelongingsStore(records.database.db),
        store=ErasureStore(records.database.db),
        log=ErasureLog(records.settings.data_dir.expanduser() / ERASURES_FILE),
        clock=records.clock,
        attempts=build_attempts(records.settings, records.database, records.clock),
    )
