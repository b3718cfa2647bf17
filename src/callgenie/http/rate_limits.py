"""How often anybody may ask: the rules, and one strategy of the `limits` library over our own counters."""

import hashlib
import math
from dataclasses import dataclass
from typing import Final

import structlog
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.storage import Storage
from limits.aio.strategies import FixedWindowRateLimiter

from callgenie.kernel.counting import Counters, Window
from callgenie.kernel.errors import TooManyRequestsError, UnavailableError

COUNTED_LOCALLY: Final = "rate_limits.counted_locally"

# Without the shared counters each process counts for itself, and there may be several of them.
_STRICTER: Final = 4

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Policy:
    """One rule: so many in so many minutes."""

    name: str
    item: RateLimitItem
    local_item: RateLimitItem

    @classmethod
    def per_minute(cls, name: str, amount: int, minutes: int = 1) -> "Policy":
        """Return the rule, with its stricter form for one process alone."""
        local = RateLimitItemPerMinute(max(1, amount // _STRICTER), minutes)
        return cls(name, RateLimitItemPerMinute(amount, minutes), local)


# A voice engine that saves every exchange of a hundred calls at once stays below; a page of ours needs one or two.
USER: Final = Policy.per_minute("user", 1_200)
API_KEY: Final = Policy.per_minute("api-key", 1_200)
# Whoever has not signed in; an office behind one address is one of these too. Being told so costs us half a
# millisecond, and nothing of the database.
ADDRESS: Final = Policy.per_minute("address", 1_000)
# Each costs a quarter of a second of a core, and makes an account.
REGISTER: Final = Policy.per_minute("register", 60)
# Each may send a mail to somebody.
RESET: Final = Policy.per_minute("reset", 20)
# Each holds a line for up to a minute, also when nobody picks up. A site whose server asks for all its visitors stays
# below as well.
WEB_CALL: Final = Policy.per_minute("web-call", 60)
# Questions to the assistant by text, for each user: each computes for a tenth of a second, or asks a hosted model.
ASK: Final = Policy.per_minute("ask", 120)
# Carriers send all of their calls from a few addresses, and whatever is not signed is refused before it costs much.
CARRIER: Final = Policy.per_minute("carrier", 6_000)


@dataclass(frozen=True, slots=True)
class Standing:
    """What is left under a rule after a request."""

    policy: str
    limit: int
    window_seconds: int
    remaining: int
    reset_seconds: int

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Return what a client is told (draft-ietf-httpapi-ratelimit-headers)."""
        return [
            (b"ratelimit-policy", f'"{self.policy}";q={self.limit};w={self.window_seconds}'.encode()),
            (b"ratelimit", f'"{self.policy}";r={self.remaining};t={self.reset_seconds}'.encode()),
        ]


class _Windows(Storage):
    """What the library's strategy counts on. Its own storage for MongoDB needs another driver, and other clocks."""

    def __init__(self, counters: Counters) -> None:
        super().__init__()
        self._counters = counters
        self.last = Window(0, 0.0)

    @property
    def base_exceptions(self) -> type[Exception]:
        return UnavailableError

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:  # noqa: ARG002 - a request is one
        # Nothing else runs between this line and the strategy's return to whoever reads `last`.
        self.last = await self._counters.count(key, expiry)
        return self.last.count

    async def get(self, key: str) -> int:  # noqa: ARG002 - the last one is asked for
        return self.last.count

    async def get_expiry(self, key: str) -> float:  # noqa: ARG002 - the same
        return self.last.seconds_left

    async def check(self) -> bool:
        return True

    async def reset(self) -> int | None:
        return None

    async def clear(self, key: str) -> None:
        await self._counters.clear(key)


class RateLimits:
    """Counts requests, in the counters that all processes share, or else in this process's own."""

    def __init__(self, shared: Counters, local: Counters) -> None:
        self._shared, self._local = _Windows(shared), _Windows(local)
        self._is_local = False

    async def hit(self, policy: Policy, who: str) -> Standing:
        """Count a request of `who` under the rule, and return what is left.

        Raises:
            TooManyRequestsError: Nothing was left.
        """
        try:
            standing, allowed = await _hit(self._shared, policy, policy.item, who)
            self._is_local = False
        except UnavailableError:
            if not self._is_local:
                _log.warning(COUNTED_LOCALLY)
            self._is_local = True
            standing, allowed = await _hit(self._local, policy, policy.local_item, who)
        if not allowed:
            raise TooManyRequestsError(
                policy=standing.policy,
                limit=standing.limit,
                window_seconds=standing.window_seconds,
                retry_after_seconds=standing.reset_seconds,
            )
        return standing


async def _hit(windows: _Windows, policy: Policy, item: RateLimitItem, who: str) -> tuple[Standing, bool]:
    # Hashed: what is kept says nothing of whose it is.
    key = hashlib.sha256(f"{policy.name}|{who}".encode()).hexdigest()[:32]
    allowed = await FixedWindowRateLimiter(windows).hit(item, policy.name, key)
    window = windows.last
    remaining = max(0, item.amount - window.count)
    return Standing(
        policy.name, item.amount, item.get_expiry(), remaining, max(1, math.ceil(window.seconds_left))
    ), allowed
