"""In which order the tests run, and which of them share what is costly to set up."""

from __future__ import annotations

import os
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

# As many processes as cores run tests: more threads would wait for each other.
os.environ.setdefault("CONTEXT360_THREADS", "1")

# Files that set up the same thing run in one process, so that it is set up once. Homes that have run need no such care:
# they are found in their folder by every process (golden.py).
_TOGETHER = {
    "tests/dbt/": "dbt",
    "tests/demo_company/": "demo_company",
    "tests/demo_staging/": "demo_staging",
}
# What takes minutes begins first: what is left at the end is short, and no process waits long for the other. Groups
# that need the same home stand apart, or one process would wait while the other makes it.
_FIRST = (
    "demo_staging",
    "tests/pipeline/test_machine_faults.py",
    "tests/pipeline/test_faulty_deliveries.py",
    "tests/pipeline/test_new_system.py",
    "tests/pipeline/test_contoso.py",
    "tests/pipeline/test_delivery_histories.py",
    "dbt",
    "demo_company",
    "tests/pipeline/test_backfill.py",
)


def _group(nodeid: str) -> str:
    file = nodeid.split("::")[0]
    return next((group for begin, group in _TOGETHER.items() if file.startswith(begin)), file)


class _Groups(LoadScopeScheduling):
    """Hands a process a group of tests at a time."""

    def _split_scope(self, nodeid: str) -> str:
        return _group(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Groups as they stand here; not every version of pytest-xdist reads marks of xdist_group."""
    return _Groups(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long groups first."""
    place = {group: number for number, group in enumerate(_FIRST)}
    items.sort(key=lambda item: place.get(_group(item.nodeid), len(_FIRST)))
