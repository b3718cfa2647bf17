"""Limits on requests, their bodies, and attempts to sign in."""

from callgenie.http.body_budget import BodyLimits
from callgenie.http.rate_limits import RateLimits
from callgenie.kernel.clock import Clock
from callgenie.kernel.counting import LocalCounters
from callgenie.mongo.client import Database
from callgenie.mongo.counters import SharedCounters
from callgenie.settings import Settings
from callgenie.users.attempts import AttemptBudgets


def build_attempts(settings: Settings, database: Database, clock: Clock) -> AttemptBudgets | None:
    """Put together what limits attempts to sign in, unless limits are off."""
    if settings.rate_limits == "off":
        return None
    return AttemptBudgets(SharedCounters(database.db, clock), LocalCounters(clock))


def build_limits(settings: Settings, database: Database, clock: Clock) -> RateLimits | None:
    """Put together what limits requests, unless limits are off."""
    if settings.rate_limits == "off":
        return None
    return RateLimits(SharedCounters(database.db, clock), LocalCounters(clock))


def build_body_limits(settings: Settings) -> BodyLimits:
    """Return the bounds on request bodies."""
    return BodyLimits(
        seconds_max=settings.http_body_seconds,
        grace_seconds=settings.http_body_grace_seconds,
        held_bytes_max=settings.http_bodies_mib * 1024 * 1024,
    )
