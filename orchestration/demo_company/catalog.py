"""The catalog that couples a demo company: the bundled one, for the folder it stands in and as of its last day."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path

import yaml

from orchestration.demo_company.servers import chat_address
from orchestration.settings import bundled_catalog

_PLACE = re.compile(r"\$\{DEMO_COMPANY:-[^}]*\}")
_CHAT_URL = re.compile(r"\$\{DEMO_CHAT_URL:-[^}]*\}")
_CHAT_TOKEN = re.compile(r"\$\{DEMO_CHAT_TOKEN:-[^}]*\}")


def write_catalog(folder: Path) -> Path:
    """Writes `catalog.yaml` into the folder of a demo company and returns its path."""
    company = yaml.safe_load((folder / "company.yaml").read_text())
    last_day = date.fromisoformat(str(company["last_day"]))
    chat = chat_address(folder)
    text = bundled_catalog("demo").read_text()
    for pattern, value in ((_PLACE, str(folder.resolve())), (_CHAT_URL, chat.url), (_CHAT_TOKEN, chat.token)):
        text = pattern.sub(lambda _, value=value: value, text)  # type: ignore[misc]
    # The answers are true when the last day is over. Accounts and consents are older than the first day.
    began = company["first_day"]
    head = f"catalog: demo\nas_of: {last_day + timedelta(days=1)}\nfirst_day: {began.replace(year=began.year - 3)}\n"
    text = text.replace("catalog: demo\n", head, 1)
    target = folder / "catalog.yaml"
    fresh = target.with_suffix(".new")
    fresh.write_text(text)
    fresh.replace(target)
    return target
