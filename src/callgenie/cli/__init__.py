"""The `callgenie` program; one file for each noun."""

from callgenie.cli.program import main

__all__ = ["main"]
