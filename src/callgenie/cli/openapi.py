"""`callgenie openapi`: what the HTTP API looks like."""

import json

import typer

from callgenie.app import description


def openapi() -> None:
    """Print the description of the HTTP API (OpenAPI 3.1), for tools that make clients.

    Example: callgenie openapi > openapi.json
    """
    typer.echo(json.dumps(description(), indent=2, ensure_ascii=False))
