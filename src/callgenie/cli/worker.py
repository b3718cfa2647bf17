"""`callgenie worker`, which is for `callgenie serve --workers` alone."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from callgenie.cli.serve import assembler, load_voices
from callgenie.cli.terminal import read_settings, run
from callgenie.cli.worker_process import run_worker
from callgenie.observability.logging import set_up_logging


def worker(
    listening: Annotated[int, typer.Argument(help="The descriptor of the listening socket.")],
    channel: Annotated[int, typer.Argument(help="The descriptor of the socket to the server.")],
    url: Annotated[str, typer.Argument(help="Where this machine reaches the server.")],
    data_dir: Annotated[Path, typer.Option(help="The data folder.")],
) -> None:
    """Answer calls and the API beside other workers; started by `callgenie serve --workers`."""
    settings = read_settings(data_dir=data_dir)
    set_up_logging(settings.log_level, settings.log_format)
    run(
        run_worker(settings, listening, channel, url, assemble=assembler(partial(load_voices, settings))),
        loop_factory=uvloop.new_event_loop,
    )
