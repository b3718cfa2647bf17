"""Counting to limit: requests in a window, and attempts of which only the last few minutes count."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from callgenie.kernel.clock import Clock

KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")

# About 3 MB. Whoever comes back after so many others begins anew, which needs as many addresses as that.
LOCAL_KEYS_MAX: Final = 20_000


@dataclass(frozen=True, slots=True)
class Window:
    """How many there were in the present window, this one included, and when the next one begins."""

    count: int
    seconds_left: float


@dataclass(frozen=True, slots=True)
class Entry:
    """An attempt. `id` is None when there was no room for it; then there is some in `retry_after_seconds`."""

    id: str | None
    retry_after_seconds: float = 0.0


class Counters(Protocol):
    """Where things are counted. Keys say what is counted; they may be shown to a database."""

    async def count(self, key: str, seconds: int) -> Window:
        """Count one more in the present window of `seconds`."""
        ...

    async def enter(self, key: str, *, limit: int, seconds: int) -> Entry:
        """Count one more attempt, if in the last `seconds` there were fewer than `limit`."""
        ...

    async def leave(self, key: str, entry_id: str) -> None:
        """Count an attempt no longer."""
        ...

    async def clear(self, key: str) -> None:
        """Begin anew."""
        ...


class LocalCounters:
    """Counts in this process alone; what to fall back on, with lower limits, when the shared ones cannot be had."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._windows: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._entries: OrderedDict[str, dict[str, float]] = OrderedDict()
        self._last_id = 0

    async def count(self, key: str, seconds: int) -> Window:
        """Count one more in the present window of `seconds`."""
        now = self._clock.monotonic()
        count, ends = self._windows.get(key, (0, 0.0))
        if ends <= now:
            count, ends = 0, now + seconds
        remember(self._windows, key, (count + 1, ends))
        return Window(count + 1, ends - now)

    async def enter(self, key: str, *, limit: int, seconds: int) -> Entry:
        """Count one more attempt, if in the last `seconds` there were fewer than `limit`."""
        now = self._clock.monotonic()
        entries = {name: at for name, at in self._entries.get(key, {}).items() if at + seconds > now}
        if len(entries) >= limit:
            return Entry(None, min(entries.values()) + seconds - now)
        self._last_id += 1
        name = str(self._last_id)
        remember(self._entries, key, {**entries, name: now})
        return Entry(name)

    async def leave(self, key: str, entry_id: str) -> None:
        """Count an attempt no longer."""
        self._entries.get(key, {}).pop(entry_id, None)

    async def clear(self, key: str) -> None:
        """Begin anew."""
        self._entries.pop(key, None)
        self._windows.pop(key, None)


def remember(memory: "OrderedDict[KeyT, ValueT]", key: KeyT, value: ValueT) -> None:
    """Put a value into a memory of bounded size; the one that was put there first goes."""
    memory[key] = value
    memory.move_to_end(key)
    while len(memory) > LOCAL_KEYS_MAX:
        memory.popitem(last=False)
