"""What a run owes to people who were erased: the rules that keep them out follow the project as it is now."""

from __future__ import annotations

import threading
from datetime import datetime
from pathlib import Path

from orchestration.channels.catalog import Catalog
from orchestration.channels.landing.row_owners import has_held_out, keep_rules, rules_made_from
from orchestration.firm.state import StateError
from orchestration.privacy.plan import PLAN_FILE
from orchestration.privacy.stream_rules import rules_fingerprint, rules_of_project
from orchestration.settings import Settings
from orchestration.warehouse.dbt import DbtProject

_ONE_AT_A_TIME = threading.Lock()


def refresh_rules(settings: Settings, catalog: Catalog, project: DbtProject, as_of: datetime) -> None:
    """Makes the rules anew where people were erased and the staging models or the catalog have changed since.

    Raises StateError where the SQL of a model cannot be followed: rows of erased people might land again.
    """
    if not has_held_out(settings.privacy_path):
        return
    with _ONE_AT_A_TIME:
        made_from = rules_fingerprint(project)
        if rules_made_from(settings.privacy_path) == made_from:
            return
        rules = rules_of_project(project, catalog, as_of)
        if rules.unfollowed:
            raise StateError(
                "People were erased, and the SQL of these models does not say whose their rows are: "
                f"{'; '.join(rules.unfollowed)}. Simplify them and run again."
            )
        keep_rules(settings.privacy_path, rules.streams, made_from)


def refuse_unfinished_erasure(home: Path) -> None:
    """Raises StateError where an erasure was interrupted: a run would publish what it was about to erase."""
    if (home / "privacy" / "erasure" / PLAN_FILE).is_file():
        raise StateError("An erasure was interrupted: start `context360 erase`, which finishes it, and run again.")
