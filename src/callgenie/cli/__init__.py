"""The `callgenie` program; one file for each noun."""

import sys


def main() -> None:
    """Run the program. What it is made of is imported only now, so that Ctrl-C in that second ends quietly too."""
    try:
        from callgenie.cli.program import run_program  # noqa: PLC0415 - see above

        run_program()
    except KeyboardInterrupt:
        sys.exit(130)
