"""How a carrier's request is refused before it is a call."""

from callgenie.kernel.errors import MalformedError, NotAllowedError


class WebhookUnsignedError(NotAllowedError):
    """Nobody who knows the auth token has sent this request to our public address."""

    code = "webhook_unsigned"

    def __init__(self) -> None:
        super().__init__(
            "The request is not signed by Twilio for this address. "
            "Check TWILIO_AUTH_TOKEN, and that PUBLIC_URL is the address that Twilio calls."
        )


class SecretNotShownError(NotAllowedError):
    """The request does not show the secret that stands for Exotel's signature, or none is set."""

    code = "secret_not_shown"

    def __init__(self) -> None:
        super().__init__(
            "The request does not show the secret of EXOTEL_SECRET. Put it into the address that is set at Exotel, "
            "as the password of Basic auth or as ?secret=."
        )


class WebhookMalformedError(MalformedError):
    """The request is signed, and does not say which call it is about."""

    code = "webhook_malformed"

    def __init__(self) -> None:
        super().__init__("The request lacks a CallSid of letters and digits.")
