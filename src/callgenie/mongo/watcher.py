"""Stands between us and mongod, so that mongod ends when we do, however we end.

Run as a script of its own, with the standard library only: `python -I -S watcher.py SECONDS PROGRAM ARGUMENT...`.
It starts the program and reads its own standard input. Whoever started it holds the other end and never writes; when
that end closes (on purpose, or because its holder was killed in any way at all), the program is told to stop, and
killed after SECONDS. A pipe works the same on every Unix, which prctl's parent-death signal does not.

What the program writes goes to the watcher's standard error, and the watcher ends when the program does.
"""

import os
import signal
import subprocess
import sys
import threading
from types import FrameType

CANNOT_START = 127


def main() -> int:
    """Run the program until it ends by itself or nobody holds the other end of standard input."""
    # Handlers and not SIG_IGN, which the program would inherit. A terminal or a service manager may signal us together
    # with everybody else; what ends us is the pipe alone.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _keep_watching)
    seconds = float(sys.argv[1])
    try:
        program = subprocess.Popen(  # noqa: S603 -- whoever starts us says what to run
            sys.argv[2:],
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
        )
    except OSError as error:
        sys.stderr.write(f"{sys.argv[2]} cannot be run: {error.strerror or error}\n")
        return CANNOT_START
    threading.Thread(target=_stop_when_alone, args=(program, seconds), daemon=True).start()
    return abs(program.wait())


def _keep_watching(_number: int, _frame: FrameType | None) -> None:
    """Do nothing."""


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
