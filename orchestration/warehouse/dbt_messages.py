"""What dbt says, in sentences that a user can read and that quote no value."""

from __future__ import annotations

import logging
import re
from typing import Any

from orchestration.counts import counted

_LOG = logging.getLogger(__name__)


def log_warning(event: Any) -> None:
    """Logs a warning of dbt's parser, which `--log-level none` mutes. It names files, never values."""
    if event.info.level == "warn":
        _LOG.warning("dbt: %s", " ".join(event.info.msg.split()))


def broken_by(failures: int) -> str | None:
    """What is wrong with a test that so many rows break; None if it holds."""
    verb = "breaks" if failures == 1 else "break"
    return f"{counted(failures, 'row')} {verb} this test" if failures else None


def first_sentence(message: str) -> str:
    """dbt's messages in one line, without the SQL and the values that the engine quotes: they may be personal data."""
    if re.search(r"(Conversion|Invalid Input|Constraint|Out of Range) Error", message):
        message = re.sub(r"'[^']*'", "'…'", message)
    lines = [line.strip() for line in message.strip().splitlines()]
    kept = [line for line in lines if line and not line.startswith(("compiled code at", "LINE ", "^"))]
    broken_contract = [
        line
        for line in kept[3:]
        if line.startswith("|") and line.endswith(("mismatch |", "definition |", "contract |"))
    ]
    word = re.search(r'Parser Error: syntax error at or near "(\w+)"', message)
    hint = [f'(If {word[1]} is the name of a column: it is a word of SQL, write "{word[1]}".)'] if word else []
    return " ".join(kept[:3] + broken_contract + hint)
