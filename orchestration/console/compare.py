"""`context360 identity compare`: what other rules of identity resolution would change."""

from __future__ import annotations

from pathlib import Path

from orchestration.channels.errors import CatalogError
from orchestration.console.output import NOT_STARTED, OK, STOPPED, not_started, open_console, readable_settings_of
from orchestration.firm.folder import FirmError, firm_folder
from orchestration.warehouse.connection import WarehouseError


def show_comparison(
    rules: Path, *, decisions: Path | None, examples: int, as_json: bool, catalog: str | None, home: Path | None
) -> int:
    """Prints what other rules would change. Returns 0 for nothing, 1 for something, 2 where comparing failed."""
    from orchestration.channels.catalog_file import load_catalog
    from orchestration.identity.compare import ComparisonError, check_decisions, check_rules, compare_rules
    from orchestration.serving.what_if import what_if_of

    console = open_console()
    settings = readable_settings_of(console, catalog, home)
    if settings is None:
        return NOT_STARTED
    try:
        found_catalog = load_catalog(settings.catalog_path, settings.environment)
        own = firm_folder(settings.catalog_path, found_catalog.project).identity_rules
        firm_rules = own if own.is_file() else None
        check_rules(*([firm_rules] if firm_rules else []), rules)
        if decisions is not None:
            check_decisions(decisions)
        elif (settings.identity_path / "decisions.yml").is_file():
            decisions = settings.identity_path / "decisions.yml"
        with console.status("Linking with these rules …"):
            found = compare_rules(
                settings.warehouse_path, rules, firm_rules=firm_rules, decisions=decisions, examples=examples
            )
    except (CatalogError, ComparisonError, FirmError, WarehouseError) as error:
        return not_started(console, error)
    if as_json:
        console.print_json(data=found.as_dict())
    else:
        console.print(what_if_of(found, rules.name))
    return OK if found.is_same else STOPPED
