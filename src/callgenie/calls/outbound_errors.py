"""How a call is refused that somebody wants to be placed."""

from datetime import datetime

from callgenie.billing.models import RefusalReason
from callgenie.kernel.errors import ConflictError, FieldFault, InvalidError, UnavailableError


class OutboundNotSetUpError(ConflictError):
    """This server cannot place calls."""

    code = "outbound_not_set_up"

    def __init__(self) -> None:
        super().__init__(
            "This server cannot place calls. Its operator has to set TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN and "
            "PUBLIC_URL."
        )


class NoPhoneNumberError(ConflictError):
    """The user has no number to call from."""

    code = "no_phone_number"

    def __init__(self) -> None:
        super().__init__("There is no number to call from. Assign one with POST /api/user/assign-phone.")


class NumberNotCallableError(InvalidError):
    """The number is the user's own, or one that costs more than a call."""

    code = "number_not_callable"

    def __init__(self) -> None:
        super().__init__(
            "This number cannot be called: it is your own, does not exist, or has a premium rate.",
            faults=[FieldFault("to", "cannot be called")],
        )


class DoNotCallError(ConflictError):
    """The number is on the user's do-not-call list."""

    code = "do_not_call"

    def __init__(self) -> None:
        super().__init__("This number is on your do-not-call list. Take it off first, if its owner has agreed.")


class OutsideCallingHoursError(ConflictError):
    """It is too early or too late where the number rings."""

    code = "outside_calling_hours"

    def __init__(self, next_moment: datetime | None) -> None:
        when = "" if next_moment is None else f" It may be called from {next_moment:%Y-%m-%dT%H:%MZ} on."
        super().__init__(f"It is outside your calling hours where this number rings.{when}")


_REASONS = {
    RefusalReason.ACCOUNT_SUSPENDED: "The account is suspended.",
    RefusalReason.SUBSCRIPTION_INACTIVE: "The subscription is not active.",
    RefusalReason.CALL_LIMIT_REACHED: "The plan's calls are used up.",
    RefusalReason.MINUTE_LIMIT_REACHED: "The plan's minutes are used up.",
    RefusalReason.CONCURRENCY_LIMIT_REACHED: "As many calls go on as the plan allows.",
}


class CallNotAdmittedError(ConflictError):
    """The plan or the account allows no call now; the refusal is among the conversations."""

    code = "call_not_admitted"

    def __init__(self, reason: RefusalReason) -> None:
        super().__init__(f"{_REASONS.get(reason, 'The call came too late.')} GET /api/user/usage says what is left.")


class CarrierRefusedCallError(InvalidError):
    """The carrier will not place this call, however often it is asked."""

    code = "carrier_refused_call"

    def __init__(self, detail: str) -> None:
        super().__init__(
            f"The carrier refuses the call: {detail}", faults=[FieldFault("to", "is refused by the carrier")]
        )


class ServerStoppingError(UnavailableError):
    """The server is about to stop; whoever answered the call would have nobody to talk to."""

    code = "server_stopping"

    def __init__(self) -> None:
        super().__init__("The server is about to restart, and nobody was called. Try again in a minute.")


class CarrierUnavailableError(UnavailableError):
    """The carrier could not be asked, or not as who we are; nobody was called."""

    code = "carrier_unavailable"

    def __init__(self) -> None:
        super().__init__(
            "The carrier did not take the call, and nobody was called. Try again later.", retry_after_seconds=30
        )
