"""How much somebody may send: a bucket that fills at a steady rate."""

from callgenie.kernel.clock import Clock


class Allowance:
    """So much a second, and `burst` at once after a pause, such as when a network comes back."""

    def __init__(self, clock: Clock, *, per_second: float, burst: float) -> None:
        self._clock = clock
        self._per_second = per_second
        self._burst = burst
        self._left = burst
        self._at = clock.monotonic()

    def take(self, amount: float) -> bool:
        """Use up `amount`; return whether there was as much."""
        now = self._clock.monotonic()
        self._left = min(self._burst, self._left + (now - self._at) * self._per_second)
        self._at = now
        if amount > self._left:
            return False
        self._left -= amount
        return True
