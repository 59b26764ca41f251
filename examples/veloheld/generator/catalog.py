"""The catalog of a generated company: the example's catalog with the company's folder and last day."""

from __future__ import annotations

import hashlib
import re
from datetime import date, timedelta
from pathlib import Path

import yaml

_EXAMPLE = Path(__file__).resolve().parent.parent
_SOURCES = re.compile(r"\$\{DEMO_SOURCES:-[^}]*\}")
_CHAT_PORT = re.compile(r"\$\{DEMO_CHAT_PORT:-[^}]*\}")
_CHAT_TOKEN = re.compile(r"\$\{DEMO_CHAT_TOKEN:-[^}]*\}")
_FIRST_PORT, _PORTS = 20_000, 12_000  # below the ephemeral ports of operating systems


def write_catalog(folder: Path) -> Path:
    """Writes `catalog.yaml` into the folder of a company and returns its path.

    All paths in it are relative: the folder can be moved and copied. The chat provider gets a port and a token that
    follow from the folder's first place, so that two companies do not answer for each other.
    """
    company = yaml.safe_load((folder / "company.yaml").read_text())
    target = folder / "catalog.yaml"
    port, token = _chat_of(target) or _new_chat(folder)
    text = (_EXAMPLE / "catalog.yaml").read_text()
    for pattern, value in ((_SOURCES, "sources"), (_CHAT_PORT, str(port)), (_CHAT_TOKEN, token)):
        text = pattern.sub(value, text)
    # `as_of` is the end of the last day. Accounts and consents are older than the first day.
    last_day, began = date.fromisoformat(str(company["last_day"])), company["first_day"]
    head = (
        f"project: {_EXAMPLE.name}\nas_of: {last_day + timedelta(days=1)}\n"
        f"first_day: {began.replace(year=began.year - 3)}\n"
    )
    text = text.replace("systems:\n", f"{head}systems:\n", 1)
    fresh = target.with_suffix(".new")
    fresh.write_text(text)
    fresh.replace(target)
    return target


def _chat_of(catalog: Path) -> tuple[int, str] | None:
    """The port and the token that the company's catalog names already; a moved company keeps its own."""
    if not catalog.is_file():
        return None
    written = yaml.safe_load(catalog.read_text())
    command = ((written.get("services") or {}).get("chat_provider") or {}).get("command")
    token = written["systems"]["chat"].get("token", "")
    return (written["services"]["chat_provider"]["port"], token) if command else None


def _new_chat(folder: Path) -> tuple[int, str]:
    digest = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()
    return _FIRST_PORT + int(digest[:8], 16) % _PORTS, f"veloheld-demo-token-{digest[:8]}"
