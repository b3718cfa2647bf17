"""Leaves a provider alone that keeps failing, so that one caller after the other does not wait for it in vain."""

from typing import Final

from callgenie.kernel.clock import Clock
from callgenie.voice.ports import ProviderError

# One failure is an accident, and a second attempt makes it good; three in a row are a state.
_FAILURES: Final = 3

# Doubled each time that it still fails afterwards: soon back after a hiccup, hardly a nuisance during a long outage.
_REST_SECONDS: Final = 20.0
_REST_SECONDS_MAX: Final = 300.0

# How long the one who looks whether it works again may take, before somebody else looks.
_LOOK_SECONDS: Final = 10.0

# These say nothing about the request, and stay true for the next one.
_OF_THE_ACCOUNT: Final = frozenset({"unauthorized", "quota_exceeded", "not_found"})


class Breaker:
    """One provider's health, shared by all calls."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures = 0
        self._rest_seconds = 0.0
        self._until = 0.0

    @property
    def rests(self) -> bool:
        """Whether the provider is left alone now."""
        return self._rest_seconds > 0 and self._clock.monotonic() < self._until

    def lets_through(self) -> bool:
        """Tell whether the provider may be asked now; after a rest one may, and the others once it went well."""
        if self.rests:
            return False
        if self._rest_seconds > 0:
            self._until = self._clock.monotonic() + _LOOK_SECONDS
        return True

    def succeeded(self) -> None:
        """Take note that it works."""
        self._failures = 0
        self._rest_seconds = 0.0

    def failed(self, error: ProviderError) -> None:
        """Take note of a failure that its second attempts did not make good."""
        self._failures += 1
        wish = error.retry_after_seconds or 0.0
        at_once = error.category in _OF_THE_ACCOUNT or wish > 0 or self._rest_seconds > 0
        if not at_once and self._failures < _FAILURES:
            return
        self._rest_seconds = min(max(self._rest_seconds * 2, _REST_SECONDS), _REST_SECONDS_MAX)
        self._until = self._clock.monotonic() + min(max(self._rest_seconds, wish), _REST_SECONDS_MAX)
