"""How a call is refused once it is under way."""

from callgenie.kernel.errors import ConflictError, NotAllowedError, NotFoundError, UnavailableError


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


class OriginNotAllowedError(NotAllowedError):
    """The page that asks is from elsewhere."""

    code = "origin_not_allowed"

    def __init__(self) -> None:
        super().__init__(
            "Pages of this origin may not call. Open the page at PUBLIC_URL, or add its origin to WEB_CALL_ORIGINS."
        )


class UsageLimitError(ConflictError):
    """The plan has no call or no second left in this period."""

    code = "usage_limit"

    def __init__(self) -> None:
        super().__init__("The plan's calls or minutes of this period are used up. Wait for the next one, or upgrade.")


class ConcurrencyLimitError(ConflictError):
    """As many calls as the plan allows are going on."""

    code = "concurrency_limit"

    def __init__(self) -> None:
        super().__init__("As many calls as the plan allows are going on. Hang one up, or try again when one is over.")


class SubscriptionInactiveError(ConflictError):
    """The subscription does not allow calls."""

    code = "subscription_inactive"

    def __init__(self) -> None:
        super().__init__("The subscription is not active. Renew it to take calls.")


class OutsideHoursError(ConflictError):
    """The business is closed and wants no calls then."""

    code = "outside_hours"

    def __init__(self) -> None:
        super().__init__("The business is closed now and takes no calls after hours, as its settings say.")


class CallNotTakenError(UnavailableError):
    """The server is stopping, or the database is away."""

    code = "call_not_taken"

    def __init__(self) -> None:
        super().__init__("The call cannot be taken right now. Try again in a few seconds.", retry_after_seconds=5)
