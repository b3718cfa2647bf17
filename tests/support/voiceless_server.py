"""The whole server in one process as `callgenie serve` runs it, with scripted voices, which load at once.

`python -m tests.support.voiceless_server FOLDER` prints `ready URL`; the settings of the environment hold.
"""

import asyncio
import sys
from pathlib import Path

import uvloop
from tests.support.call_worker import load_voices
from tests.support.little_server import say

from callgenie.cli.process import run_server
from callgenie.cli.serve import assembler
from callgenie.observability.logging import set_up_logging
from callgenie.settings import Settings

if __name__ == "__main__":
    settings = Settings(data_dir=Path(sys.argv[1]), port=0)
    set_up_logging("warning", settings.log_format)
    serving = run_server(settings, lambda _: None, lambda url: say(f"ready {url}"), assemble=assembler(load_voices))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serving)
