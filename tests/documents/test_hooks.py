"""The Git hooks call tools of .venv and download nothing."""

from __future__ import annotations

import yaml
from documents.pages import REPOSITORY

HOOKS = [
    hook
    for repository in yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text())["repos"]
    for hook in repository["hooks"]
]


def test_hooks_come_from_this_repository_only() -> None:
    written = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text())
    assert {repository["repo"] for repository in written["repos"]} == {"local"}
    assert {hook["language"] for hook in HOOKS} == {"system"}


def test_hooks_call_tools_and_scripts_that_exist() -> None:
    locked = (REPOSITORY / "requirements-dev.lock").read_text()
    for hook in HOOKS:
        tool, *arguments = hook["entry"].split()
        name = tool.removeprefix(".venv/bin/")
        assert name == "python" or f"\n{name}==" in f"\n{locked}", hook["id"]
        assert name != "python" or (REPOSITORY / arguments[0]).is_file(), hook["id"]
