"""`context360 identity compare`: what other rules of identity resolution would change."""

from __future__ import annotations

from pathlib import Path

from orchestration.console.output import NOT_STARTED, OK, STOPPED, not_started, open_console, readable_settings_of
from orchestration.warehouse.connection import WarehouseError


def show_comparison(rules: Path, *, decisions: Path | None, examples: int, as_json: bool, home: Path | None) -> int:
    """Prints what other rules would change. Returns 0 for nothing, 1 for something, 2 where comparing failed."""
    from orchestration.identity.compare import ComparisonError, check_decisions, check_rules, compare_rules
    from orchestration.serving.what_if import what_if_of

    console = open_console()
    settings = readable_settings_of(console, None, home)
    if settings is None:
        return NOT_STARTED
    try:
        check_rules(rules)
        if decisions is not None:
            check_decisions(decisions)
        elif (settings.identity_path / "decisions.yml").is_file():
            decisions = settings.identity_path / "decisions.yml"
        with console.status("Linking with these rules …"):
            found = compare_rules(settings.warehouse_path, rules, decisions=decisions, examples=examples)
    except (ComparisonError, WarehouseError) as error:
        return not_started(console, error)
    if as_json:
        console.print_json(data=found.as_dict())
    else:
        console.print(what_if_of(found, rules.name))
    return OK if found.is_same else STOPPED
