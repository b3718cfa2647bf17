"""`python -m callgenie` is the `callgenie` program."""

from callgenie.cli import main

main()
