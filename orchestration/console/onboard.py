"""`context360 system add`: look at a source, ask what only a person knows, and write the files that read it."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console
from rich.markup import escape

from orchestration.console.output import NOT_STARTED, OK, not_started, open_console, settings_of
from orchestration.onboarding.found import FoundSystem, OnboardingError, Profile, Question
from orchestration.onboarding.questions import Answers

_LONG_AGO = timedelta(days=400)  # a closed data set is answered as of its last day


def add_system(
    name: str,
    sources: Sequence[str],
    *,
    catalog: str | None,
    home: Path | None,
    country: str,
    currency: str,
    zone: str,
    ask: bool | None,
) -> int:
    """Adds a source system to the firm's folder, or shows what would change. Returns the exit code."""
    console = open_console()
    settings = settings_of(console, catalog, home)
    if settings is None:
        return NOT_STARTED
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
        return not_started(
            console, OnboardingError(f"'{name}' cannot name a system: write snake_case, as in web_shop.")
        )
    console.print(f"Looking at {', '.join(_without_password(source) for source in sources)}")
    is_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    answers = Answers(
        _asker(console) if (is_terminal if ask is None else ask) else None, country.upper(), currency.upper(), zone
    )
    try:
        return _add(console, name, sources, settings.catalog_path, answers)
    except OnboardingError as error:
        return not_started(console, error)


def _add(console: Console, name: str, sources: Sequence[str], catalog_file: Path, answers: Answers) -> int:
    import duckdb

    from orchestration.firm.folder import FirmError, firm_folder
    from orchestration.onboarding.files import catalog_entry, first_and_last_day, staging_files
    from orchestration.onboarding.firm_files import write_system
    from orchestration.onboarding.plan import plan_of, without_useless_streams
    from orchestration.onboarding.sources import system_of

    try:
        folder = firm_folder(catalog_file, None).path
    except FirmError as error:
        raise OnboardingError(str(error)) from error
    found = system_of(sources, folder)
    with duckdb.connect() as connection:
        profiles, left_out = _profiles(console, connection, found, folder)
        if not profiles:
            raise OnboardingError("No stream can be read:\n" + "\n".join(left_out))
        plan = plan_of(connection, name, _without_secret(name, found), profiles, answers)
        plan, useless = without_useless_streams(plan)
        left_out += [
            f"{stream}: it has no person or no moment, so it contributes to nothing; name it alone to write it"
            for stream in useless
        ]
        texts = staging_files(plan)
    entry = catalog_entry(plan)
    days = first_and_last_day(plan)
    written = write_system(folder, catalog_file, name, entry, texts, days[0] if days else None)
    for stream in plan.streams:
        _say_stream(console, stream)
    for message in (*found.left_out, *left_out):
        console.print(f"[yellow]![/] Left out: {escape(message)}", soft_wrap=True)
    if written.difference:
        console.print(f"{name} is in the catalog. What a new look would write, as a diff (nothing is changed):\n")
        sys.stdout.write(written.difference)
        return OK
    if not written.files:
        console.print(f"[green]✓[/] {name} is in the catalog, and nothing has changed.")
        return OK
    for remark in written.remarks:
        console.print(remark, soft_wrap=True)
    _say_next(console, name, entry, texts, written.lines, len(written.files), days, answers)
    return OK


def _profiles(
    console: Console, connection: object, found: FoundSystem, folder: Path
) -> tuple[list[Profile], list[str]]:
    from orchestration.onboarding.profile import profile_of
    from orchestration.onboarding.rows import load_rows

    profiles, left_out = [], []
    for stream in found.streams:
        with console.status(f"{stream.name}: reading"):
            try:
                relation, rows, rejects, is_sample = load_rows(connection, found, stream, folder)  # type: ignore[arg-type]
            except OnboardingError as error:
                left_out.append(f"{stream.name}: {error}")
                continue
            profiles.append(
                profile_of(connection, stream, relation, rows, rejects, is_sample)  # type: ignore[arg-type]
            )
    return profiles, left_out


def _say_stream(console: Console, stream: object) -> None:
    from orchestration.onboarding.plan import StreamPlan

    assert isinstance(stream, StreamPlan)
    who = f", people by {stream.identity.kind}" if stream.identity else ""
    key = "no key" if stream.key.by_place else "key " + ", ".join(stream.key.columns)
    rejected = f", [yellow]{stream.profile.rejects:,} unreadable rows[/]" if stream.profile.rejects else ""
    console.print(f"  {stream.name:<28} {stream.kind:<10} {stream.profile.size}{rejected}; {key}{who}", soft_wrap=True)


def _say_next(
    console: Console,
    name: str,
    entry: str,
    texts: dict[str, str],
    lines: int,
    files: int,
    days: object,
    answers: Answers,
) -> None:
    from datetime import date

    console.print(f"[green]✓[/] Wrote {files:,} files, {lines:,} lines: catalog.yaml, models/staging/{name}/")
    if isinstance(days, tuple) and date.today() - days[1] > _LONG_AGO:
        after = days[1] + timedelta(days=1)
        console.print(
            f"[yellow]![/] The newest row is of {days[1]}. If no more will come, write `as_of: {after}` in the "
            "catalog: else all answers are as of today.",
            soft_wrap=True,
        )
    todos = sum(text.count("TODO") for text in (entry, *texts.values()))
    if todos:
        console.print(f"[yellow]![/] {todos:,} guesses need a person: `context360 check {name}` lists each TODO.")
    for question in answers.open:
        options = f" ({', '.join(question.options)})" if question.options else ""
        console.print(f"    {escape(question.text)}{escape(options)}", soft_wrap=True)
    console.print(f"Next: context360 check {name}, then context360 run")


def _asker(console: Console):  # type: ignore[no-untyped-def]  # noqa: ANN202
    import typer

    def ask(question: Question) -> str:
        console.print(f"\n[bold]{escape(question.text)}[/]", soft_wrap=True)
        for value, meaning in question.options.items():
            console.print(f"  {value}: {escape(meaning)}")
        while True:
            answer = str(
                typer.prompt(
                    "  answer, or Enter to decide later",
                    default=question.suggestion,
                    show_default=bool(question.suggestion),
                )
            ).strip()
            if not answer or not question.options or answer in question.options:
                return answer
            console.print(f"  [red]✗[/] one of {', '.join(question.options)}")

    return ask


def _without_password(source: str) -> str:
    if "://" not in source:
        return source
    parts = urlsplit(source)
    return f"{parts.scheme}://{parts.hostname or ''}{parts.path}"


def _without_secret(name: str, found: FoundSystem) -> FoundSystem:
    """A database URL with a password is read from the environment: the catalog holds no secret."""
    url = str(found.fields.get("url", ""))
    if not url or urlsplit(url).password is None:
        return found
    variable = f"{name.upper()}_URL"
    os.environ.setdefault(variable, url)
    return FoundSystem(found.connector, {"url": f"${{{variable}}}"}, found.streams, found.left_out)
