"""In which order the tests run, and which of them share what is costly to set up."""

from __future__ import annotations

import pytest

# Files that set up the same thing run in one process, so that it is set up once.
_TOGETHER = {
    "tests/demo_staging/": "demo_staging",
    "tests/pipeline/test_faulty_catalogs.py": "little_company",
    "tests/pipeline/test_faulty_deliveries.py": "little_company",
}
# What takes minutes begins first: what is left at the end is short, and no process waits long for the other.
_FIRST = (
    "little_company",
    "tests/pipeline/test_contoso.py",
    "tests/pipeline/test_machine_faults.py",
    "tests/pipeline/test_delivery_histories.py",
    "demo_staging",
    "tests/pipeline/test_backfill.py",
    "tests/pipeline/test_new_system.py",
)


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Groups the tests for `--dist loadgroup`: by file, but for what is set up together; long ones first."""
    groups = {}
    for item in items:
        file = item.nodeid.split("::")[0]
        groups[item] = next((group for begin, group in _TOGETHER.items() if file.startswith(begin)), file)
        item.add_marker(pytest.mark.xdist_group(groups[item]))
    place = {group: number for number, group in enumerate(_FIRST)}
    items.sort(key=lambda item: place.get(groups[item], len(_FIRST)))
