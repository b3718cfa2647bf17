"""How long to wait before something that failed is tried again: longer and longer, and never all at once."""

import random
from dataclasses import dataclass
from datetime import timedelta

_chance = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class Backoff:
    """Pauses that grow from `first` by `factor` up to `longest`."""

    first: timedelta
    factor: float
    longest: timedelta

    def after(self, attempts: int) -> timedelta:
        """Return how long to wait after so many attempts, before chance is added."""
        # Far before this exponent the longest pause is reached; without a bound the power would overflow.
        return min(self.first * self.factor ** min(attempts - 1, 60), self.longest)

    def by_chance(self, attempts: int) -> timedelta:
        """Return a pause of about that length: what failed together is not tried again together."""
        return self.after(attempts) * _chance.uniform(0.75, 1.25)
