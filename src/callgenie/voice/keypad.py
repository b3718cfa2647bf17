"""Keys that the caller has pressed and that nobody has answered yet."""

from typing import Final

# Of more keys the first ones go: who mistypes starts again.
_KEYS_MAX: Final = 32
_PAUSE_SECONDS: Final = 1.5


class Keypad:
    """Collects keys until there is a pause.

    Attributes:
        pressed_at: When the last key was pressed, in seconds of the call's monotonic clock.
    """

    def __init__(self, now: float) -> None:
        self.pressed_at = now
        self._keys = ""

    def press(self, digit: str, now: float) -> None:
        """Take a key."""
        self._keys = (self._keys + digit)[-_KEYS_MAX:]
        self.pressed_at = now

    def is_complete(self, now: float) -> bool:
        """Tell whether there are keys, and the caller has stopped pressing more."""
        return bool(self._keys) and now - self.pressed_at >= _PAUSE_SECONDS

    def take(self) -> str:
        """Return the keys as words of the caller, and forget them; empty when there are none."""
        keys, self._keys = " ".join(self._keys), ""
        return f"(pressed {keys})" if keys else ""
