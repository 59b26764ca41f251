"""dbt's generic tests of a table in one statement, instead of as a node each.

Which tests may be judged so is decided here; the macro `judge_tests` of the package writes the statement.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

# Generic tests that dbt and the package bring along: they read nothing but their arguments.
_MACROS = re.compile(r"macro\.(dbt|context360)\.(default__)?test_")
# The default settings of a test. One with another setting stays a node.
_PLAIN = {
    "where": (None,), "limit": (None,), "severity": ("ERROR", "error"), "store_failures": (None, False),
    "store_failures_as": (None,), "fail_calc": ("count(*)",), "warn_if": ("!= 0",), "error_if": ("!= 0",),
    "sql_header": (None,),
}  # fmt: skip
_LOGGED = "context360 judged: "


def joint_tests(nodes: Mapping[str, Any], unique_ids: Collection[str]) -> list[list[str]]:
    """Those of the tests that can be judged together, a list per table.

    nodes: of dbt's manifest. unique_ids: of tests.
    """
    tables: dict[str, list[str]] = {}
    for unique_id in unique_ids:
        if _is_plain(nodes[unique_id], nodes):
            tables.setdefault(nodes[unique_id]["attached_node"], []).append(unique_id)
    return list(tables.values())


def listener(failures: dict[str, int]) -> Callable[[Any], None]:
    """A callback for dbt's events that notes the failing rows per test, as the macro logs them."""

    def note(event: Any) -> None:
        if event.info.msg.startswith(_LOGGED):
            failures.update(json.loads(event.info.msg.removeprefix(_LOGGED)))

    return note


def _is_plain(test: Mapping[str, Any], nodes: Mapping[str, Any]) -> bool:
    """Whether a test is a generic one of dbt or the package, with its defaults, on a table or view."""
    table, metadata = nodes.get(test.get("attached_node") or ""), test.get("test_metadata")
    if not metadata or table is None or not table.get("relation_name"):
        return False
    own = [macro for macro in test["depends_on"]["macros"] if not macro.endswith(".get_where_subquery")]
    arguments = {name: value for name, value in metadata["kwargs"].items() if name not in ("model", "to")}
    return (
        bool(own)
        and all(_MACROS.match(macro) for macro in own)
        and all(test["config"].get(setting) in plain for setting, plain in _PLAIN.items())
        and not _has_jinja(arguments)
        and len(test["depends_on"]["nodes"]) <= 2
        and all(nodes[name].get("relation_name") for name in test["depends_on"]["nodes"] if name in nodes)
    )


def _has_jinja(value: Any) -> bool:
    """Whether text in an argument is a template."""
    if isinstance(value, Mapping):
        return any(_has_jinja(inner) for inner in value.values())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return any(_has_jinja(inner) for inner in value)
    return isinstance(value, str) and ("{{" in value or "{%" in value)
