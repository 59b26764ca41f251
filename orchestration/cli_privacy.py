"""The commands about the rights of a person. Everything heavy is imported where it is used."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli_options import CatalogOption, HomeOption


def add_privacy_commands(app: typer.Typer) -> None:
    """Adds the commands to the app."""
    app.command()(erase)


def erase(
    identifiers: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="IDENTIFIER",
            help="Customer number (C-154), record (system/number), e-mail, phone, or a number of any system; several "
            "for several people.",
        ),
    ] = None,
    from_file: Annotated[
        Path | None, typer.Option("--from-file", metavar="FILE", help="More identifiers, one a line.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would go, per place.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    tasks: Annotated[
        Path | None,
        typer.Option(
            "--tasks",
            metavar="FILE",
            help="Where to write the records that must be erased at their source. Default: here, named after the "
            "certificate.",
        ),
    ] = None,
    catalog: CatalogOption = None,
    home: HomeOption = None,
) -> None:
    """Erase customers everywhere in the state folder, for good, and write a certificate.

    Shows per place what goes, asks, and erases: landing, both warehouses, the register of customer numbers, logs of
    scores and proposals, reports, Dagster's and dbt's folders. Then it searches all files for every value that
    identified them. Later deliveries of their old records are left out. Without identifiers, it finishes an erasure
    that was interrupted.

    Exit codes: 0 erased, 1 nothing was erased or a value is left (the output says which), 2 it could not start.
    """
    from orchestration.console import erase_customers

    raise typer.Exit(
        erase_customers(
            identifiers or [], from_file=from_file, dry_run=dry_run, yes=yes, tasks=tasks, catalog=catalog, home=home
        )
    )
