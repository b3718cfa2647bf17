"""How recordings refuse."""

from callgenie.kernel.errors import ConflictError, NotAllowedError, NotFoundError, UnavailableError


class RecordingNotFoundError(NotFoundError):
    """There is no recording of this call, not yet, or not any more."""

    code = "recording_not_found"

    def __init__(self) -> None:
        super().__init__("There is no recording of this call: it was not recorded, is not stored yet, or was removed.")


class RecordingLinkInvalidError(NotAllowedError):
    """The link has run out, or is not one that we made."""

    code = "recording_link_invalid"

    def __init__(self) -> None:
        super().__init__("This link does not work any more. Read the conversation again for a new one.")


class RecordingStoreUnavailableError(UnavailableError):
    """The object store does not answer, or refuses."""

    code = "recording_store_unavailable"

    def __init__(self, why: str = "") -> None:
        super().__init__(f"The store of recordings cannot be reached now{why}. Try again in a moment.")


class RecordingsInTheWayError(ConflictError):
    """A backup's recordings would replace others."""

    code = "recordings_in_the_way"

    def __init__(self, count: int, place: str) -> None:
        super().__init__(
            f"Under the keys of {count} of the recordings {place} has others. With --drop they are replaced by the "
            "backup's; make a backup of them first."
        )
