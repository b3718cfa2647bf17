"""How the record refuses."""

from collections.abc import Sequence

from callgenie.kernel.errors import ConflictError, FieldFault, InvalidError, NotFoundError, UnavailableError


class ConversationNotFoundError(NotFoundError):
    """There is no such conversation, or it is somebody else's."""

    code = "conversation_not_found"

    def __init__(self) -> None:
        super().__init__("There is no conversation with this session id.")


class CallInProgressError(ConflictError):
    """The call goes on, or its usage is not settled yet."""

    code = "call_in_progress"

    def __init__(self) -> None:
        super().__init__("This call is still going on or being settled. Try again when it is over.")


class SessionConflictError(ConflictError):
    """The session id is used by another call."""

    code = "session_conflict"

    def __init__(self) -> None:
        super().__init__(
            "This session id belongs to another call, perhaps a deleted one. Give each call a session id of its own."
        )


class ConversationFullError(ConflictError):
    """The conversation has as many turns as one can have."""

    code = "conversation_full"

    def __init__(self, turns_max: int) -> None:
        super().__init__(f"A conversation has at most {turns_max} turns. Go on under another session id.")


class InvalidExchangeError(InvalidError):
    """Some of what is to be recorded is not as it must be."""

    code = "invalid_exchange"

    def __init__(self, faults: Sequence[FieldFault]) -> None:
        told = "; ".join(f"{fault.field} {fault.message}" for fault in faults)
        super().__init__(f"This exchange cannot be recorded: {told}.", faults=faults)


class ConversationBusyError(UnavailableError):
    """Too many writers change the same conversation at once."""

    code = "conversation_busy"

    def __init__(self) -> None:
        super().__init__("This conversation is being changed by many requests at once. Try again in a moment.")
