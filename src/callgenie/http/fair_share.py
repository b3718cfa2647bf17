"""A bounded amount that many holders share, so that none of them can take all of it."""


class FairShare:
    """Grants amounts while every holder has no more than is left for all the others.

    A single holder gets half of the total at most, two get a third each, and somebody new always finds as much as the
    largest holder has.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._held: dict[str, int] = {}
        self.used = 0

    def take(self, holder: str, amount: int) -> bool:
        """Grant the amount and return True; return False and grant nothing where it would be too much."""
        held = self._held.get(holder, 0) + amount
        used = self.used + amount
        if held > self._total - used:
            return False
        self._held[holder], self.used = held, used
        return True

    def give_back(self, holder: str, amount: int) -> None:
        """Return an amount that was granted."""
        if not amount:
            return
        self.used -= amount
        left = self._held[holder] - amount
        if left:
            self._held[holder] = left
        else:
            del self._held[holder]
