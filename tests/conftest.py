"""Tests run in two processes (`make test`): what shares an expensive fixture stays in one of them."""

from __future__ import annotations

from pathlib import Path

import pytest

# Folders whose fixtures are built once for the whole folder.
TOGETHER = {"dbt", "demo_staging"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    tests = Path(__file__).parent
    for item in items:
        module = item.path.relative_to(tests)
        group = module.parts[0] if module.parts[0] in TOGETHER else str(module)
        item.add_marker(pytest.mark.xdist_group(group))
