"""A bar for each collection on the terminal, on standard error."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn

from callgenie.cli.terminal import err

_NAME_COLUMN: Final = "{task.description:<16}"


class CollectionBars:
    """Implements `mongo.dump.Meter`."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._task: TaskID | None = None

    def begin(self, name: str, total: int) -> None:
        """Finish the bar before, and begin one."""
        self.finish()
        self._task = self._bars.add_task(name, total=max(total, 1))

    def advance(self, count: int) -> None:
        """Move the bar on."""
        if self._task is not None:
            self._bars.advance(self._task, count)

    def finish(self) -> None:
        """Show the last bar as full: what was estimated may have been a little more or less."""
        if self._task is not None:
            total = next(task.total for task in self._bars.tasks if task.id == self._task)
            self._bars.update(self._task, completed=total)


@contextmanager
def collection_bars() -> Iterator[CollectionBars]:
    """Show bars during the block; where no terminal is, nothing."""
    columns = (TextColumn(_NAME_COLUMN), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, disable=not err.is_terminal) as bars:
        meter = CollectionBars(bars)
        yield meter
        meter.finish()
