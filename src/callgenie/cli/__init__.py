"""The `callgenie` program; one file for each noun."""
