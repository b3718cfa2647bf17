"""Makes a process die, as far as its database can tell: after so many commands nothing more comes from it."""

from collections.abc import Coroutine
from typing import Any, TypeVar

from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

T = TypeVar("T")


class Crashed(BaseException):
    """The process is dead; nothing in it may catch this and go on."""


class Crash(CommandListener):
    """Listens to one client, and ends what it is told to end."""

    def __init__(self) -> None:
        self._left: int | None = None

    async def after(self, commands: int | None, operation: Coroutine[Any, Any, T]) -> T:
        """Run `operation`, which dies before its next command once it has sent so many; None: it lives.

        Raises:
            Crashed: It died. What it had sent has been done.
        """
        self._left = commands
        try:
            return await operation
        except BaseExceptionGroup as group:
            if group.subgroup(Crashed):
                raise Crashed from group
            raise
        finally:
            self._left = None

    def started(self, event: CommandStartedEvent) -> None:  # noqa: ARG002 - all commands count alike
        if self._left is None:
            return
        # The driver tells of a command before it sends it, and lets through what is no ordinary exception.
        if self._left <= 0:
            raise Crashed
        self._left -= 1

    def succeeded(self, event: CommandSucceededEvent) -> None:
        pass

    def failed(self, event: CommandFailedEvent) -> None:
        pass
