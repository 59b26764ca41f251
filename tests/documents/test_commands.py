"""Commands in documents exist: every `context360 …` and `make …`, with its arguments and options."""

from __future__ import annotations

import contextlib
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from documents.pages import REPOSITORY, Block, blocks, pages

from orchestration.cli import app

ROOT_COMMAND = typer.main.get_command(app)
_INLINE = re.compile(r"`((?:context360|make) [^`]+)`")
_TARGET = re.compile(r"^([a-z][a-z-]*):", re.MULTILINE)
# Shell words around the commands, whose meaning no test has to judge.
_OTHERS = ("cd", "export", "git", "pip")
CHEAP = ("context360 --help", "context360 --version", "context360 run --help", "make help")


def _commands() -> list[tuple[str, list[str]]]:
    """(place, words) of every line of a console block that begins with `$ `."""
    return [
        (f"{block.place} {line}", shlex.split(line[2:], comments=True))
        for block in blocks("console")
        for line in block.text.splitlines()
        if line.startswith("$ ")
    ]


def _subcommand(words: list[str]) -> tuple[typer.core.TyperCommand, list[str]]:
    """The command that the words after `context360` name, and the words that are left for it."""
    command, rest = ROOT_COMMAND, list(words)
    while hasattr(command, "commands") and rest and not rest[0].startswith("-"):
        assert rest[0] in command.commands, f"there is no `{rest[0]}` among {', '.join(command.commands)}"
        command, rest = command.commands[rest[0]], rest[1:]
    return command, rest


def _make_targets() -> set[str]:
    return set(_TARGET.findall((REPOSITORY / "Makefile").read_text()))


@pytest.mark.parametrize(("place", "words"), _commands(), ids=[place for place, _ in _commands()])
def test_command_of_a_console_block_is_one_that_the_cli_or_make_accepts(place: str, words: list[str]) -> None:
    program = Path(words[0]).name
    if program == "context360":
        command, rest = _subcommand(words[1:])
        with contextlib.suppress(typer.Exit):  # --version and --help end here
            command.make_context(program, rest)
    elif program == "make":
        variables = {word.split("=")[0] for word in words[1:] if "=" in word}
        assert {word for word in words[1:] if "=" not in word} <= _make_targets()
        makefile = (REPOSITORY / "Makefile").read_text()
        assert all(f"$({name})" in makefile or f"{name})" in makefile for name in variables)
    else:
        assert program in _OTHERS, f"{place}: say in this test what `{program}` is"


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_command_in_a_sentence_names_a_subcommand_and_options_that_exist(page: Path) -> None:
    for code in _INLINE.findall(page.read_text(encoding="utf-8")):
        program, *words = code.replace("\n", " ").split()
        if program == "make":
            assert words[0] in _make_targets(), code
            continue
        names = [word for word in words if re.fullmatch(r"[a-z][a-z0-9]*", word)]
        command, _ = _subcommand(names[: _depth(names)])
        known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
        assert {word for word in words if word.startswith("--")} <= known | {"--help", "--version"}, code


def _depth(names: list[str]) -> int:
    """How many of the words name a command: two below a group."""
    return 2 if names and hasattr(ROOT_COMMAND.commands.get(names[0]), "commands") else 1


@pytest.mark.parametrize("command", CHEAP)
def test_cheap_command_runs(command: str) -> None:
    program, *words = command.split()
    argv = [sys.executable, "-m", "orchestration.cli", *words] if program == "context360" else [program, *words]
    done = subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_every_subcommand_stands_in_the_table_of_readme() -> None:
    readme = (REPOSITORY / "README.md").read_text()
    table = readme[readme.index("## The command") : readme.index("## Where state lives")]
    missing = [
        f"{name} {inner}".strip()
        for name, command in ROOT_COMMAND.commands.items()
        for inner in getattr(command, "commands", {"": None})
        if f"`context360 {name} {inner}".rstrip() not in table
    ]
    assert missing == []


def test_documents_have_blocks_to_check() -> None:
    assert len(_commands()) > 15
    assert all(isinstance(block, Block) and block.text for block in blocks("console"))
