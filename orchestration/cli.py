"""The `context360` command: thin, and quick to start. Everything heavy is imported where it is used."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from orchestration.cli_live import add_live_commands
from orchestration.cli_options import CatalogOption, HomeOption
from orchestration.cli_privacy import add_privacy_commands

app = typer.Typer(
    name="context360",
    help="The open, warehouse-native customer 360: every channel, one customer, three contexts.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

AsOfOption = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        help="Moment for which answers are true (UTC): 2026-01-31 or 2026-01-31T12:00. A run of a past moment "
        "publishes what was known then.",
    ),
]

TrainOption = Annotated[
    bool | None,
    typer.Option(
        "--train/--no-train",
        help="Train the prediction models again, or never. Default: only the first run trains them.",
    ),
]
UntilOption = Annotated[
    Literal["staging", "identity", "core", "marts"] | None,
    typer.Option("--until", help="The last layer to build, while you work on it. Nothing is published then."),
]


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"context360 {version('context360')}")
        raise typer.Exit


@app.callback()
def context360(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """The open, warehouse-native customer 360: every channel, one customer, three contexts."""


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="The folder to write: new, or empty.")],
    name: Annotated[
        str | None, typer.Option("--name", help="The firm's name in snake_case. Default: from the folder's name.")
    ] = None,
) -> None:
    """Write a folder for a firm: catalog, dbt project and a sample system. `context360 run` works in it at once."""
    from orchestration.console import init_firm

    raise typer.Exit(init_firm(folder, name))


system = typer.Typer(
    help="The source systems of a firm: look at what one delivers, and write the files that read it.",
    no_args_is_help=True,
)
app.add_typer(system, name="system")


@system.command("add")
def system_add(
    name: Annotated[str, typer.Argument(help="Name of the system, in snake_case.")],
    sources: Annotated[
        list[str],
        typer.Argument(metavar="SOURCE", help="Files, folders, globs, a SQLAlchemy URL, or URLs of a JSON API."),
    ],
    country: Annotated[
        str, typer.Option("--country", metavar="CODE", help="Country of phone numbers without +, such as NL.")
    ] = "",
    currency: Annotated[
        str, typer.Option("--currency", metavar="CODE", help="Currency of amounts that come without one, such as EUR.")
    ] = "",
    zone: Annotated[
        str,
        typer.Option("--time-zone", metavar="ZONE", help="Clocks of local times, such as Europe/Amsterdam, or UTC."),
    ] = "",
    ask: Annotated[
        bool | None,
        typer.Option("--ask/--no-ask", help="Ask what is not sure, or write TODO. Default: ask on a terminal."),
    ] = None,
    catalog: CatalogOption = None,
    home: HomeOption = None,
) -> None:
    """Look at a source and write its catalog entry, sources, base models and contributions into the firm's folder.

    Each guess stands in the written files as a comment with its evidence. What is not sure is asked, or is written as
    TODO. A guess that would change figures stops a run until a person has decided. The files are yours: a second call
    shows what it would write now as a diff, and changes nothing.
    """
    from orchestration.console import add_system

    raise typer.Exit(
        add_system(name, sources, catalog=catalog, home=home, country=country, currency=currency, zone=zone, ask=ask)
    )


@app.command()
def check(
    name: Annotated[str | None, typer.Argument(help="System to check. Default: all.")] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Check again whenever a file of the firm is saved.")] = False,
    catalog: CatalogOption = None,
    home: HomeOption = None,
) -> None:
    """Look at the newest deliveries through the models of a system: everything that is wrong, at once.

    Lists rows that would wait in quarantine with the form of what cannot be read (digits as 9, letters as a), unknown
    touchpoints, currencies and people, columns that nothing reads, personal columns that are not marked, and each TODO;
    each with file, line and remedy. Lands nothing and publishes nothing.

    Exit codes: 0 no errors, 1 errors, 2 it could not look.
    """
    from orchestration.console import check_systems

    raise typer.Exit(check_systems(name, watch=watch, catalog=catalog, home=home))


@app.command()
def coverage(catalog: CatalogOption = None, home: HomeOption = None) -> None:
    """Show which questions your systems answer, and which streams would answer the others."""
    from orchestration.console import show_coverage

    raise typer.Exit(show_coverage(catalog=catalog, home=home))


@app.command("dbt", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def call_dbt(context: typer.Context, catalog: CatalogOption = None, home: HomeOption = None) -> None:
    """Call dbt with the firm's project, profile and variables: `context360 dbt ls`, `context360 dbt compile …`.

    Everything but --catalog and --home goes to dbt. `build` and `run` write into the warehouse without the checks of a
    run; use `context360 run` for that.
    """
    from orchestration.console import call_dbt

    raise typer.Exit(call_dbt(context.args, catalog=catalog, home=home))


@app.command()
def run(
    catalog: CatalogOption = None,
    as_of: AsOfOption = None,
    full_refresh: Annotated[
        bool, typer.Option("--full-refresh", help="Rebuild every table from landing. Customer numbers are kept.")
    ] = False,
    accept_shrinkage: Annotated[
        bool, typer.Option("--accept-shrinkage", help="Publish even if a table lost more than half of its rows.")
    ] = False,
    train: TrainOption = None,
    until: UntilOption = None,
    home: HomeOption = None,
) -> None:
    """Fetch new data, rebuild the warehouse, check every layer and publish.

    Exit codes: 0 everything is current; 1 something was stopped (the output says what, and what to do; readers keep its
    last good state); 2 the run could not start.
    """
    from orchestration.console import run_with_progress

    raise typer.Exit(
        run_with_progress(
            catalog=catalog,
            as_of=as_of,
            full_refresh=full_refresh,
            accept_shrinkage=accept_shrinkage,
            train=train,
            until=until,
            home=home,
        )
    )


@app.command()
def backfill(
    streams: Annotated[
        list[str], typer.Argument(help="Streams to load again: shop/orders, or shop for all streams of a system.")
    ],
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First day.")],
    last: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day.")],
    catalog: CatalogOption = None,
    as_of: AsOfOption = None,
    train: TrainOption = None,
    until: UntilOption = None,
    home: HomeOption = None,
) -> None:
    """Load days of some streams again from their source, then rebuild and publish, in one run.

    Rows that landing already holds count as repeats; corrected rows replace earlier versions.
    """
    from orchestration.console import run_with_progress

    days = (first.date(), last.date())
    raise typer.Exit(
        run_with_progress(
            catalog=catalog, as_of=as_of, home=home, train=train, until=until, reload=tuple(streams), days=days
        )
    )


@app.command()
def status(catalog: CatalogOption = None, home: HomeOption = None) -> None:
    """Show streams, tables, rows, freshness and failed checks."""
    from orchestration.console import show_status

    raise typer.Exit(show_status(catalog=catalog, home=home))


@app.command("first-look")
def first_look(catalog: CatalogOption = None, home: HomeOption = None) -> None:
    """Check that the published figures agree with each other: purchases, value, stages, journeys, consent and more.

    Prints each invariant with what is expected, what is found, and example keys without personal data.

    Exit codes: 0 all invariants hold, 1 one is broken, 2 nothing has been published yet.
    """
    from orchestration.console import show_first_look

    raise typer.Exit(show_first_look(catalog=catalog, home=home))


@app.command()
def who(
    identifier: Annotated[
        list[str],
        typer.Argument(
            help="Customer number (C-154), record (system/number), e-mail, phone, full name, or a number of any system."
        ),
    ],
    why: Annotated[
        bool,
        typer.Option("--why", help="Also show the records of the customer, what links them, and refused links."),
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option("--report", help="Also write the links as a page with charts (HTML)."),
    ] = None,
    as_of: Annotated[
        datetime | None,
        typer.Option(
            "--as-of",
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
            help="Show the situation as known at this earlier moment (UTC) instead.",
        ),
    ] = None,
    catalog: CatalogOption = None,
    home: HomeOption = None,
) -> None:
    """Show the card of one customer: who they are, the three contexts and the last contacts.

    With --as-of: the situation and contacts at an earlier moment, without anything that happened later. Needs the
    --catalog of the run. Facts are assigned to customers as known today.
    """
    from orchestration.console import show_customer

    raise typer.Exit(
        show_customer(" ".join(identifier), home=home, why=why, report=report, as_of=as_of, catalog=catalog)
    )


identity = typer.Typer(
    help="How records are linked to customers: try other rules before a run uses them.",
    no_args_is_help=True,
)
app.add_typer(identity, name="identity")


@identity.command("compare")
def identity_compare(
    rules: Annotated[
        Path,
        typer.Argument(metavar="RULES.yml", help="A rules file: what differs from the rules that runs use today."),
    ],
    decisions: Annotated[
        Path | None,
        typer.Option("--decisions", help="Reviewed decisions. Default: identity/decisions.yml below --home."),
    ] = None,
    examples: Annotated[int, typer.Option("--examples", min=0, help="The most merges and splits to list.")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
    catalog: CatalogOption = None,
    home: HomeOption = None,
) -> None:
    """Show what other linking rules would change: merged and split customers, and what moves with them.

    Links today's records in memory; the warehouse stays as it is. Counts revenue, interactions and consents that
    would move to another customer, and the customers whose scores would differ. Shows records by number, without
    personal data; `context360 who NUMBER --why` shows a customer.

    Example: a file with the two lines "probability:" and "  link: 0.9" asks for more certain links.

    Exit codes: 0 nothing would change, 1 something would, 2 the comparison failed.
    """
    from orchestration.console import show_comparison

    raise typer.Exit(
        show_comparison(rules, decisions=decisions, examples=examples, as_json=as_json, catalog=catalog, home=home)
    )


@app.command()
def docs(
    lineage: Annotated[
        bool, typer.Option("--lineage", help="Also write dbt's page of all models with their lineage: about a minute.")
    ] = False,
    catalog: CatalogOption = None,
    home: HomeOption = None,
) -> None:
    """Write a page of your tables: what is filled, how tables join, and what no system delivers."""
    from orchestration.console import write_documentation

    raise typer.Exit(write_documentation(lineage=lineage, catalog=catalog, home=home))


@app.command()
def ui(
    catalog: CatalogOption = None,
    port: Annotated[int, typer.Option(help="Port on which Dagster listens.")] = 3000,
    home: HomeOption = None,
) -> None:
    """Open Dagster: assets, checks, runs, schedule and sensor."""
    from orchestration.console import open_ui

    raise typer.Exit(open_ui(catalog=catalog, port=port, home=home))


add_live_commands(app)

demo = typer.Typer(
    help="An invented company with known truth, to try everything on.",
    no_args_is_help=True,
)
app.add_typer(demo, name="demo")
OutOption = Annotated[
    Path | None,
    typer.Option("--out", help="Folder for the company. Default: demo_company in the folder with all state."),
]


@demo.command("create")
def demo_create(
    customers: Annotated[int, typer.Option(help="Number of customers.")] = 2_000,
    days: Annotated[int, typer.Option(help="Number of days that are delivered.")] = 548,
    seed: Annotated[int, typer.Option(help="The same seed and size give the same files, byte for byte.")] = 360,
    out: OutOption = None,
    home: HomeOption = None,
) -> None:
    """Write the deliveries of all its systems, the truth about its people, and a catalog that reads them."""
    from orchestration.console import create_demo

    raise typer.Exit(create_demo(customers=customers, days=days, seed=seed, out=out, home=home))


@demo.command("advance")
def demo_advance(
    days: Annotated[int, typer.Option(help="Number of days that are added.")] = 1,
    out: OutOption = None,
    home: HomeOption = None,
) -> None:
    """Add the next days as new deliveries."""
    from orchestration.console import advance_demo

    raise typer.Exit(advance_demo(days=days, out=out, home=home))


add_privacy_commands(app)


def main() -> None:
    """Entry point of the `context360` script."""
    app()


if __name__ == "__main__":
    main()
