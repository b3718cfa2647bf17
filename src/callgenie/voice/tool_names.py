"""Names of the tools that models use, and how a result says that a tool failed."""

from typing import Final

END_CALL: Final = "end_call"
TAKE_MESSAGE: Final = "take_message"
TRANSFER_CALL: Final = "transfer_call"
BUSINESS_HOURS: Final = "business_hours"

# A failed result begins like this, for models that cannot read as well as for those that can.
ERROR: Final = "Error: "


def is_error(text: str) -> bool:
    """Tell whether a tool's result says that it failed."""
    return text.startswith(ERROR)
