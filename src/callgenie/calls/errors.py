"""How a call is refused once it is under way."""

from callgenie.kernel.errors import ConflictError, NotFoundError


class CallNotWaitingError(ConflictError):
    """There is no ringing call that this token opens: wrong or used token, unknown call, or it has ended."""

    code = "call_not_waiting"

    def __init__(self) -> None:
        super().__init__("No call waits to be answered with this token. Let the caller dial again.")


class CallNotFoundError(NotFoundError):
    """No such call goes on, or it is somebody else's."""

    code = "call_not_found"

    def __init__(self) -> None:
        super().__init__("No call with this session id goes on. What has ended is among the conversations.")
