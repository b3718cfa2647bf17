"""How accounts refuse."""

from callgenie.kernel.errors import (
    ConflictError,
    FieldFault,
    InvalidError,
    MalformedError,
    NotAllowedError,
    NotFoundError,
    NotSignedInError,
    UnavailableError,
)


class UserNotFoundError(NotFoundError):
    """There is no such user."""

    code = "user_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such user.")


class EmailTakenError(ConflictError):
    """Somebody has an account under this address."""

    code = "email_taken"

    def __init__(self) -> None:
        super().__init__("There is an account with this e-mail address already. Sign in, or use another address.")


class InvalidEmailError(InvalidError):
    """The text is no e-mail address that mail could be sent to."""

    code = "invalid_email"

    def __init__(self, message: str = "must be an e-mail address such as owner@example.com") -> None:
        super().__init__("This is not an e-mail address.", faults=[FieldFault("email", message)])


class InvalidPhoneError(InvalidError):
    """The text is no phone number in E.164."""

    code = "invalid_phone"

    def __init__(self) -> None:
        super().__init__(
            "This is not a phone number we can call.",
            faults=[FieldFault("phone", "must be a phone number in E.164, such as +14155550123")],
        )


class InvalidNameError(InvalidError):
    """The name is empty or too long."""

    code = "invalid_name"

    def __init__(self, message: str) -> None:
        super().__init__("This name cannot be used.", faults=[FieldFault("name", message)])


class PasswordTooShortError(InvalidError):
    """The password has too few characters."""

    code = "password_too_short"

    def __init__(self, chars_min: int, field: str = "password") -> None:
        super().__init__(
            f"The password must have at least {chars_min} characters.",
            faults=[FieldFault(field, f"must have at least {chars_min} characters")],
        )


class PasswordTooLongError(InvalidError):
    """The password has too many characters."""

    code = "password_too_long"

    def __init__(self, chars_max: int, field: str = "password") -> None:
        super().__init__(
            f"The password must have at most {chars_max} characters.",
            faults=[FieldFault(field, f"must have at most {chars_max} characters")],
        )


class PasswordTooCommonError(InvalidError):
    """The password is one of those that are tried first."""

    code = "password_too_common"

    def __init__(self, message: str, field: str = "password") -> None:
        super().__init__(
            "This password is too easy to guess. Take a longer one, such as four words that do not belong together.",
            faults=[FieldFault(field, message)],
        )


class InvalidCredentialsError(NotSignedInError):
    """E-mail and password do not belong together; whether the e-mail is known is not told."""

    code = "invalid_credentials"

    def __init__(self) -> None:
        super().__init__("E-mail address or password is wrong.")


class InvalidAccessTokenError(NotSignedInError):
    """There is no access token, or it is none of ours, or its session is over; all are told alike."""

    code = "not_signed_in"

    def __init__(self) -> None:
        super().__init__("Sign in, and send the access token as `Authorization: Bearer ...`.")


class InvalidRefreshTokenError(NotSignedInError):
    """The refresh token is none of ours, was used before, or its session is over."""

    code = "invalid_refresh_token"

    def __init__(self) -> None:
        super().__init__("This refresh token is not valid any more. Sign in again.")


class AccountSuspendedError(NotAllowedError):
    """The operator has suspended the account."""

    code = "account_suspended"

    def __init__(self) -> None:
        super().__init__("This account is suspended. Ask the operator of this server.")


class TooManySignInsError(UnavailableError):
    """More passwords wait to be checked than can be checked in a few seconds."""

    code = "too_many_sign_ins"

    def __init__(self, *, retry_after_seconds: int) -> None:
        super().__init__(
            "Too many people are signing in at this moment. Try again in a few seconds.",
            retry_after_seconds=retry_after_seconds,
        )


class EmailNotVerifiedError(NotAllowedError):
    """The password is right, and nobody has confirmed the address yet; told only to who knows the password."""

    code = "email_not_verified"

    def __init__(self) -> None:
        super().__init__(
            "Confirm your e-mail address first: open the link in the mail we sent you, or ask for a new one."
        )


class InvalidTokenError(MalformedError):
    """A token out of a mail is none of ours, was used, is over, or was replaced by a newer one; all are told alike."""

    code = "invalid_token"

    def __init__(self) -> None:
        super().__init__("This link is not valid any more. Ask for a new mail.")


class SessionNotFoundError(NotFoundError):
    """There is no such session, or it is somebody else's."""

    code = "session_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such session.")
