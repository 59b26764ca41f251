"""`context360 coverage`: which questions the systems of a firm answer, and what would answer the others."""

from __future__ import annotations

from pathlib import Path

from rich.markup import escape

from orchestration.channels.errors import CatalogError
from orchestration.console.output import NOT_STARTED, OK, not_started, open_console, settings_of
from orchestration.firm.folder import FirmError, firm_folder


def show_coverage(*, catalog: str | None, home: Path | None) -> int:
    """Prints a line per question. Returns the exit code; a question without an answer is no fault."""
    from orchestration.channels.catalog_file import load_catalog
    from orchestration.serving.coverage import contributed_streams, coverage_of

    console = open_console()
    settings = settings_of(console, catalog, home)
    if settings is None:
        return NOT_STARTED
    try:
        found = load_catalog(settings.catalog_path, settings.environment)
        firm = firm_folder(settings.catalog_path, found.project)
        questions = coverage_of(contributed_streams(found, firm))
    except (CatalogError, FirmError) as error:
        return not_started(console, error)
    for each in questions:
        sign = "[green]✓[/]" if each.is_answered else "[yellow]–[/]"
        console.print(f"{sign} {escape(each.question)}", soft_wrap=True)
        if each.is_answered:
            console.print(f"    {', '.join(each.tables)}: from {', '.join(each.systems)}", soft_wrap=True)
        else:
            console.print(f"    not delivered by any system: {', '.join(each.missing)}", soft_wrap=True)
        if each.helpful and each.is_answered:
            console.print(f"    better with {', '.join(each.helpful)}", soft_wrap=True)
    answered = sum(each.is_answered for each in questions)
    console.print(
        f"{answered} of {len(questions)} questions are answered. A model <system>__<stream>.sql contributes a stream: "
        "docs/reference/canonical_streams.md",
        soft_wrap=True,
    )
    return OK
