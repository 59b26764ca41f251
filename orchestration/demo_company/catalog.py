"""The catalog that couples a demo company: the bundled one, for the folder it stands in and as of its last day."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path

import yaml

from orchestration.settings import bundled_catalog

_PLACE = re.compile(r"\$\{DEMO_COMPANY:-[^}]*\}")


def write_catalog(folder: Path) -> Path:
    """Writes `catalog.yaml` into the folder of a demo company and returns its path."""
    company = yaml.safe_load((folder / "company.yaml").read_text())
    last_day = date.fromisoformat(str(company["last_day"]))
    text = _PLACE.sub(str(folder.resolve()), bundled_catalog("demo").read_text())
    # The answers are true when the last day is over.
    text = text.replace("catalog: demo\n", f"catalog: demo\nas_of: {last_day + timedelta(days=1)}\n", 1)
    target = folder / "catalog.yaml"
    fresh = target.with_suffix(".new")
    fresh.write_text(text)
    fresh.replace(target)
    return target
