"""Shared by all commands: exit codes, the terminal, settings, and how an error is printed."""

from __future__ import annotations

import sys
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from orchestration.firm.state import StateError, check_state
from orchestration.settings import Settings, SettingsError, settings_from

OK, STOPPED, NOT_STARTED = 0, 1, 2


def open_console() -> Console:
    """The terminal. In a file or a pipe, lines are not wrapped."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else 200)


def settings_of(console: Console, catalog: str | None, home: Path | None) -> Settings | None:
    """The settings, or None where they cannot be used; the reason is then printed."""
    try:
        return settings_from(catalog=catalog, home=home)
    except SettingsError as error:
        not_started(console, error)
        return None


def readable_settings_of(console: Console, catalog: str | None, home: Path | None) -> Settings | None:
    """The settings for a command that reads what a run has made; None, with the reason printed, where it cannot."""
    settings = settings_of(console, catalog, home)
    if settings is None:
        return None
    try:
        outdated = check_state(settings.home)
    except StateError as error:
        not_started(console, error)
        return None
    if outdated:
        console.print(f"[red]✗[/] {escape(outdated)}", soft_wrap=True)
        return None
    return settings


def step_title(step: str) -> str:
    """A step of a run as people read it."""
    if step.startswith("landing__"):
        return "landing " + "/".join(step.split("__")[1:])
    return step.replace("serving__", "").replace("quality__", "").replace("_", " ")


def not_started(console: Console, error: Exception) -> int:
    """Prints why a command could not start, and returns its exit code."""
    for sentence in str(error).splitlines():
        console.print(f"[red]✗[/] {escape(sentence)}", soft_wrap=True)
    return NOT_STARTED
