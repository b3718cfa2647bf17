"""CallGenie answers a small business's phone: it listens, thinks, speaks, and keeps the record and the meter."""

import os
from typing import TYPE_CHECKING, Any

# ONNX Runtime looks at it once, when it is imported, and without it asks for a server of its maker every few seconds.
# Nothing of a caller, nor that there was one, leaves the machine.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

if TYPE_CHECKING:
    from callgenie.user_service import UserService as UserService

__version__ = "0.1.0"
__all__ = ["UserService", "__version__"]


def __getattr__(name: str) -> Any:
    """Import the library when it is first asked for: most of the program does not need it to start."""
    if name == "UserService":
        from callgenie.user_service import UserService  # noqa: PLC0415 - that is the point

        return UserService
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
