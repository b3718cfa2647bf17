"""Stands between us and mongod, so that mongod ends when we do, however we end.

Run as a script of its own, with the standard library only: `python -I -S watcher.py SECONDS PROGRAM ARGUMENT...`.
It starts the program and reads its own standard input. Whoever started it holds the other end and never writes; when
that end closes (on purpose, or because its holder was killed in any way at all), the program is told to stop, and
killed after SECONDS. A pipe works the same on every Unix, which prctl's parent-death signal does not.

It writes `started PID`, then `ended CODE` (negative: killed by that signal), or `failed REASON` to standard output;
what the program itself writes goes to standard error.
"""

import os
import signal
import subprocess
import sys
import threading
from types import FrameType

USAGE_ERROR = 2
CANNOT_START = 127


def main() -> int:
    """Run the program until it ends or nobody holds the other end of standard input."""
    if len(sys.argv) < 3:  # noqa: PLR2004 -- the script itself, SECONDS and PROGRAM
        return USAGE_ERROR
    # Handlers and not SIG_IGN, which the program would inherit. A terminal or a service manager may signal us together
    # with everybody else; what ends us is the pipe alone.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _keep_watching)
    seconds = float(sys.argv[1])
    try:
        program = subprocess.Popen(  # noqa: S603 -- our own caller says what to run
            sys.argv[2:],
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
        )
    except OSError as error:
        _say(f"failed {error.strerror or error}")
        return CANNOT_START
    _say(f"started {program.pid}")
    threading.Thread(target=_stop_when_alone, args=(program, seconds), daemon=True).start()
    code = program.wait()
    _say(f"ended {code}")
    return 0


def _keep_watching(_number: int, _frame: FrameType | None) -> None:
    """Do nothing."""


def _say(line: str) -> None:
    try:
        os.write(sys.stdout.fileno(), f"{line}\n".encode())
    except OSError:
        # Nobody listens any more; the program is being stopped for the same reason.
        return


def _stop_when_alone(program: "subprocess.Popen[bytes]", seconds: float) -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    program.terminate()
    try:
        program.wait(seconds)
    except subprocess.TimeoutExpired:
        program.kill()


if __name__ == "__main__":
    sys.exit(main())
