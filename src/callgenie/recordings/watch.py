"""Who is told what becomes of recordings, for figures only."""

from typing import Final, Protocol


class RecordingWatch(Protocol):
    """Takes note. Never waits and never fails."""

    def recording_stored(self, size_bytes: int) -> None:
        """Take note of a recording that the object store has."""
        ...

    def recording_failed(self, fault: str) -> None:
        """Take note of a recording that was given up, with or without a part of it kept."""
        ...

    def upload_failed(self) -> None:
        """Take note of an upload that has to be tried again."""
        ...


class _Nobody:
    def recording_stored(self, size_bytes: int) -> None:
        pass

    def recording_failed(self, fault: str) -> None:
        pass

    def upload_failed(self) -> None:
        pass


NOBODY: Final = _Nobody()
