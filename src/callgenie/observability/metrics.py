"""What is measured, for Prometheus: requests, calls, the steps of each answer, providers, the ledger, the pool."""

from collections.abc import Callable, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

MEDIA_TYPE: Final = CONTENT_TYPE_LATEST

# A request is a few milliseconds; one that hashes a password a quarter of a second; a deadline is five.
_REQUEST_SECONDS: Final = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
# Of an answer a caller feels every tenth of a second; past three they ask whether anybody is there.
_STAGE_SECONDS: Final = (0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0)
_CALL_SECONDS: Final = (5, 15, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600)
_RECEIVER_SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0)
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# A latency's field without its unit is the stage's name.
_UNIT: Final = "_ms"


class Metrics:
    """The figures of one process. No label holds anything that a caller or a client can choose."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._requests = Counter(
            "callgenie_http_requests",
            "Requests answered.",
            ("route", "method", "status"),
            registry=registry,
        )
        self._request_seconds = Histogram(
            "callgenie_http_request_seconds",
            "How long requests took.",
            ("route", "method"),
            buckets=_REQUEST_SECONDS,
            registry=registry,
        )
        self._calls_ended = Counter(
            "callgenie_calls_ended", "Calls that ended or were refused.", ("reason",), registry=registry
        )
        self._call_seconds = Histogram(
            "callgenie_call_seconds", "How long answered calls were.", buckets=_CALL_SECONDS, registry=registry
        )
        self._stage_seconds = Histogram(
            "callgenie_turn_stage_seconds",
            "How long each step of an answer took.",
            ("stage",),
            buckets=_STAGE_SECONDS,
            registry=registry,
        )
        self._provider_errors = Counter(
            "callgenie_provider_errors",
            "Failures of speech recognition, language model and speech.",
            ("provider", "category"),
            registry=registry,
        )
        self._recordings = Counter(
            "callgenie_recordings",
            "What became of recordings; a stored one that lacks a part counts as failed too.",
            ("outcome",),
            registry=registry,
        )
        self._recording_bytes = Counter(
            "callgenie_recording_bytes", "Bytes of recordings that were stored.", registry=registry
        )
        self._upload_errors = Counter(
            "callgenie_recording_upload_errors", "Uploads that have to be tried again.", registry=registry
        )
        self.ledger_mismatches = self._gauge(
            "callgenie_usage_ledger_mismatch", "Differences between the usage ledger and the record; must be 0."
        )
        self.free_numbers = self._gauge("callgenie_numbers_free", "Phone numbers that can be assigned.")
        self.outbox_seconds = self._gauge(
            "callgenie_outbox_oldest_seconds", "How long the mail that waits longest has been waiting."
        )
        self.follow_up_seconds = self._gauge(
            "callgenie_follow_up_oldest_seconds", "How long what follows a call and waits longest has been waiting."
        )

        self.webhook_seconds = self._gauge(
            "callgenie_webhook_due_seconds", "How long the webhook that is due longest waits for somebody to send it."
        )
        self._webhook_tries = Counter(
            "callgenie_webhook_attempts", "Attempts to deliver a webhook.", ("outcome",), registry=registry
        )
        self._webhook_tries_seconds = Histogram(
            "callgenie_webhook_attempt_seconds",
            "How long receivers of webhooks took.",
            buckets=_RECEIVER_SECONDS,
            registry=registry,
        )

    def watch(self, name: str, what: str, read: Callable[[], float]) -> None:
        """Read a figure each time that the figures are asked for."""
        self._gauge(name, what).set_function(read)

    def request_served(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request. `route` is the template of the address, not the address."""
        known = method if method in _METHODS else "other"
        self._requests.labels(route, known, str(status)).inc()
        self._request_seconds.labels(route, known).observe(seconds)

    def call_refused(self, reason: str) -> None:
        """Count a call that was not answered."""
        self._calls_ended.labels(reason).inc()

    def call_ended(self, reason: str, seconds: float) -> None:
        """Count a call that was answered, and its seconds."""
        self._calls_ended.labels(reason).inc()
        self._call_seconds.observe(seconds)

    def turn_kept(self, latency: Mapping[str, int | None]) -> None:
        """Count the steps of an answer, as far as they were taken; names end in `_ms`."""
        for name, milliseconds in latency.items():
            if milliseconds is not None:
                self._stage_seconds.labels(name.removesuffix(_UNIT)).observe(milliseconds / 1_000)

    def provider_failed(self, provider: str, category: str) -> None:
        """Count a failure of a provider, also one that a second attempt made good."""
        self._provider_errors.labels(provider, category).inc()

    def recording_stored(self, size_bytes: int) -> None:
        """Count a recording that the object store has."""
        self._recordings.labels("stored").inc()
        self._recording_bytes.inc(size_bytes)

    def recording_failed(self, fault: str) -> None:
        """Count a recording that was given up, with or without a part of it kept."""
        self._recordings.labels(fault).inc()

    def upload_failed(self) -> None:
        """Count an upload that has to be tried again."""
        self._upload_errors.inc()

    def webhook_tried(self, outcome: str, seconds: float) -> None:
        """Count an attempt to deliver a webhook."""
        self._webhook_tries.labels(outcome).inc()
        self._webhook_tries_seconds.observe(seconds)

    def text(self) -> bytes:
        """Return all figures in Prometheus' text format."""
        return generate_latest(self._registry)

    def _gauge(self, name: str, what: str) -> Gauge:
        return Gauge(name, what, registry=self._registry)
