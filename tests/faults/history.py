"""What was asked of the system and what it answered: written before each operation is sent, and again after it."""

import itertools
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import httpx


class OperationOutcome(StrEnum):
    """What is known of an operation."""

    OK = "ok"
    """It was acknowledged: what it did must be there for good."""
    FAIL = "fail"
    """It was refused: it must have done nothing."""
    UNKNOWN = "unknown"
    """Nobody knows: it may have been done, once, or not."""


@dataclass
class Operation:
    """One request. `key` says what it is about; times are seconds of the run."""

    number: int
    kind: str
    key: str
    began: float
    facts: dict[str, Any] = field(default_factory=dict)
    outcome: OperationOutcome = OperationOutcome.UNKNOWN
    ended: float | None = None
    status: int | None = None

    def answered(self, response: httpx.Response) -> None:
        """Take what an HTTP answer says; 5xx says nothing about whether it was done."""
        self.status = response.status_code
        if response.is_success:
            self.outcome = OperationOutcome.OK
        elif response.is_client_error:
            self.outcome = OperationOutcome.FAIL


class History:
    """Keeps operations in memory, and in a file that outlives a crash of ours."""

    def __init__(self, path: Path | None = None) -> None:
        self.operations: list[Operation] = []
        self.complaints: list[str] = []
        self.broken_at: list[float] = []
        self._numbers = itertools.count(1)
        self._file = None if path is None else path.open("w", encoding="utf-8")
        self._began = time.monotonic()

    def now(self) -> float:
        """Return the seconds since the run began."""
        return time.monotonic() - self._began

    @contextmanager
    def doing(self, kind: str, key: str, **facts: Any) -> Iterator[Operation]:
        """Log the operation, let the block carry it out, log what became of it. Lost connections end the block."""
        operation = Operation(next(self._numbers), kind, key, self.now(), facts)
        self.operations.append(operation)
        self._write("sent", operation)
        try:
            yield operation
        except (httpx.HTTPError, OSError):
            operation.outcome = OperationOutcome.UNKNOWN
        finally:
            operation.ended = self.now()
            self._write("done", operation)

    def of(self, kind: str) -> list[Operation]:
        return [operation for operation in self.operations if operation.kind == kind]

    def breaking(self, said: Callable[[str], None]) -> Callable[[str], None]:
        """Return a `said` that also notes when something was broken."""

        def noted(line: str) -> None:
            self.broken_at.append(self.now())
            said(line)

        return noted

    def complain(self, text: str) -> None:
        """Note what must not have happened, seen while it ran."""
        self.complaints.append(f"{self.now():.1f} s: {text}")

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _write(self, what: str, operation: Operation) -> None:
        if self._file is not None:
            self._file.write(json.dumps({"what": what, **vars(operation)}, default=str) + "\n")
            self._file.flush()
