"""`context360 serve`, `tokens` and `users`: the live service, and who may use it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from orchestration.console.output import NOT_STARTED, OK, not_started, open_console, readable_settings_of, settings_of
from orchestration.settings import Settings
from orchestration.warehouse.connection import WarehouseError


def serve_home(
    *,
    host: str,
    port: int,
    certificate: Path | None,
    key: Path | None,
    proxy: str | None,
    catalog: str | None,
    home: Path | None,
) -> int:
    """Runs the live service until it is asked to end."""
    from orchestration.channels.catalog_file import load_catalog
    from orchestration.channels.errors import CatalogError
    from orchestration.live.event_routes import sources_of
    from orchestration.live.server import Listening, bring_profiles_up_to_date, serve
    from orchestration.live.state_files import LiveError

    console = open_console()
    settings = readable_settings_of(console, catalog, home)
    if settings is None:
        return NOT_STARTED
    listening = Listening(host, port, certificate, key, proxy)
    try:
        listening.address()
        found = load_catalog(settings.catalog_path, settings.environment)
        fixed = datetime.combine(found.as_of, datetime.min.time()) if found.as_of else None
        if isinstance(found.as_of, datetime):
            fixed = found.as_of
        if settings.serving_path.exists():
            if bring_profiles_up_to_date(settings):
                console.print(f"Profiles written: {settings.profiles_path}", soft_wrap=True)
        else:
            console.print("Nothing is published yet: profiles are answered after the first `context360 run`.")
        serve(
            settings,
            listening,
            sources_of(found),
            fixed,
            lambda: console.print(f"Live service: {listening.url}  (Ctrl+C ends it)"),
        )
    except (CatalogError, LiveError, WarehouseError) as error:
        return not_started(console, error)
    return OK


def create_token(name: str, role: str, *, home: Path | None) -> int:
    """Makes a token and prints it once."""
    from orchestration.live.tokens import add_token

    def make(console: Console, settings: Settings) -> None:
        token = add_token(settings.live_path, name, role)
        console.print(f"Token {name} with the role {role}; it is shown once, and only its hash is kept:")
        console.print(token, soft_wrap=True)

    return _with_home(home, make)


def show_tokens(*, home: Path | None) -> int:
    """Prints all tokens, without their secrets."""
    from orchestration.live.tokens import list_tokens

    def show(console: Console, settings: Settings) -> None:
        print_accounts(console, "Tokens", list_tokens(settings.live_path), "`context360 tokens add` makes one")

    return _with_home(home, show)


def end_token(name: str, *, home: Path | None) -> int:
    """Ends a token; a running service refuses it at once."""
    from orchestration.live.tokens import disable_token

    def end(console: Console, settings: Settings) -> None:
        disable_token(settings.live_path, name)
        console.print(f"Token {name} is disabled.")

    return _with_home(home, end)


def create_account(name: str, role: str, password: str, *, home: Path | None) -> int:
    """Makes an account of a person."""
    from orchestration.live.accounts import add_account

    def make(console: Console, settings: Settings) -> None:
        add_account(settings.live_path, name, role, password)
        console.print(f"Account {name} with the role {role}.")

    return _with_home(home, make)


def show_accounts(*, home: Path | None) -> int:
    """Prints all accounts of people."""
    from orchestration.live.accounts import list_accounts

    def show(console: Console, settings: Settings) -> None:
        print_accounts(console, "Accounts", list_accounts(settings.live_path), "`context360 users add` makes one")

    return _with_home(home, show)


def end_account(name: str, *, home: Path | None) -> int:
    """Ends an account and its sessions."""
    from orchestration.live.accounts import disable_account

    def end(console: Console, settings: Settings) -> None:
        disable_account(settings.live_path, name)
        console.print(f"Account {name} is disabled.")

    return _with_home(home, end)


def print_accounts(console: Console, title: str, found: list[dict[str, Any]], remedy: str) -> None:
    """Prints tokens or accounts as a table: name, role, since when, until when."""
    from rich.table import Table

    if not found:
        console.print(f"{title}: none; {remedy}.")
        return
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0))
    for heading in ("name", "role", "created (UTC)", "disabled (UTC)"):
        table.add_column(heading)
    for entry in found:
        created, disabled = (str(entry[at] or "")[:16].replace("T", " ") for at in ("created_at", "disabled_at"))
        table.add_row(escape(entry["name"]), entry["role"], created, disabled)
    console.print(table)


def _with_home(home: Path | None, act: Callable[[Console, Settings], None]) -> int:
    from orchestration.live.state_files import LiveError

    console = open_console()
    settings = settings_of(console, None, home)
    if settings is None:
        return NOT_STARTED
    try:
        act(console, settings)
    except LiveError as error:
        return not_started(console, error)
    return OK
