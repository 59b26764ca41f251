"""dbt's manifest cut down to what one call needs.

In every call dbt links all nodes of its manifest, looks for circles among them and holds each against the selection:
with the whole project that takes longer than building a model.
"""

from __future__ import annotations

import copy
from collections.abc import Collection
from dataclasses import replace
from typing import Any


def part_of(manifest: Any, unique_ids: Collection[str]) -> Any:
    """A manifest of these nodes and of those that they read.

    manifest: dbt's own object, with its flat graph. unique_ids: of models, seeds and tests. Macros, sources and the
    graph that macros see are those of the whole project. The nodes are shared with it, but for tables that are only
    read: those stand without the nodes that they are made from.
    """
    kept: dict[str, Any] = {}
    waiting = list(unique_ids)
    while waiting:
        unique_id = waiting.pop()
        node = manifest.nodes.get(unique_id)
        if node is None or unique_id in kept:
            continue
        kept[unique_id] = node
        waiting += [parent for parent in node.depends_on_nodes if _is_compiled_in(manifest.nodes.get(parent))]
    read = {parent for node in kept.values() for parent in node.depends_on_nodes} & manifest.nodes.keys()
    for unique_id in read - kept.keys():
        alone = copy.copy(manifest.nodes[unique_id])
        if hasattr(alone.depends_on, "nodes"):
            alone.depends_on = replace(alone.depends_on, nodes=[])
        kept[unique_id] = alone
    return replace(manifest, nodes=kept, exposures={}, unit_tests={}, flat_graph=manifest.flat_graph)


def _is_compiled_in(node: Any) -> bool:
    """Whether the SQL of a node becomes part of the nodes that read it."""
    return bool(node is not None and node.is_ephemeral_model)
