"""How profiles refuse."""

from collections.abc import Sequence

from callgenie.kernel.errors import FieldFault, InvalidError, PreconditionFailedError


class UnknownOptionError(InvalidError):
    """A voice, model or language that this server does not have."""

    code = "unknown_option"

    def __init__(self, faults: Sequence[FieldFault]) -> None:
        super().__init__("This server does not have what was chosen; errors lists what there is.", faults=faults)


class ProfileChangedError(PreconditionFailedError):
    """The profile is not the one that the asker had read."""

    code = "profile_changed"

    def __init__(self) -> None:
        super().__init__("The profile has changed since you read it. Read it again, and repeat your change on that.")
