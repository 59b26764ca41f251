"""Options that many commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

CatalogOption = Annotated[
    str | None,
    typer.Option(
        "--catalog",
        "-c",
        help="Source systems: a YAML file, a folder with a catalog.yaml, or the name of an example. "
        "Default: catalog.yaml here.",
    ),
]
HomeOption = Annotated[
    Path | None, typer.Option("--home", help="Folder with all state. Default: CONTEXT360_HOME, or ./.context360.")
]
