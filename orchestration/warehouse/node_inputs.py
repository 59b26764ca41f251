"""What each node of the dbt project is made from: its code, its macros, the variables that it reads, and its parents.

A node whose inputs are those of the last time need not be built again. Where text does not say for certain what a node
reads, it counts as reading more: an unneeded build costs time, a missing one a wrong figure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from functools import cached_property
from importlib.metadata import version
from typing import Any

from orchestration.settings import process_environment
from orchestration.warehouse.build_record import Made, digest

# Resource types that a build makes or judges.
_BUILT = ("model", "seed")
# Parts of a node in dbt's manifest that decide what is built of it.
_RECIPE = (
    "raw_code", "checksum", "config", "columns", "description", "test_metadata", "schema", "alias", "resource_type",
    "package_name", "refs", "sources",
)  # fmt: skip
_DISPATCHED = re.compile(r"^(default|duckdb|spark)__")
_ENVIRONMENT = re.compile(r"""\benv_var\(\s*['"]([^'"]+)""")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OF_THE_PACKAGE = "source.context360."
_OF_ONE_RUN = {"run_id", "run_started_at", "invocation_id"}
_OF_ONE_SOURCE = "nothing_of"
_REJECTS = "landed_rejects"
_DBT_PACKAGES = ("dbt", "dbt_duckdb", "dbt_spark", "dbt_postgres")


def is_stored(node: Mapping[str, Any]) -> bool:
    """Whether a node has rows of its own: a table, an incremental model or a seed."""
    return node["resource_type"] == "seed" or node["config"].get("materialized") in ("table", "incremental")


class ProjectText:
    """The text of a dbt project: which macros and variables a node reads, through every macro that it calls.

    manifest: dbt's, as data. variables: those that the orchestration sets for all runs. engine: the fingerprint of
    what the engine brings along, such as functions in Python.
    """

    def __init__(self, manifest: Mapping[str, Any], variables: Mapping[str, Any], engine: str) -> None:
        self.nodes: Mapping[str, Any] = manifest["nodes"]
        self._sources, self._variables, self._engine = manifest["sources"], variables, engine
        own, of_dbt = _macros_by_name(manifest)
        self._macros = own
        self._words_of_macro = {name: _words_in(*texts) for name, texts in own.items()}
        # Of the graph, the macro behind source() looks at the columns of its own source only: they are in the recipe.
        if _OF_ONE_SOURCE in self._words_of_macro:
            self._words_of_macro[_OF_ONE_SOURCE] -= {"graph"}
        # What dbt calls by itself, such as generate_schema_name, stands in no node's text.
        self._everywhere = sorted((own.keys() & of_dbt) - {"source"})
        self._words: dict[str, frozenset[str]] = {}
        self._recipes: dict[str, str] = {}
        self._versions = [version(package) for package in ("dbt-core", "dbt-duckdb", "duckdb")]

    def words(self, unique_id: str) -> frozenset[str]:
        """The words of a node, and of all macros that it calls."""
        if unique_id not in self._words:
            node = self.nodes[unique_id]
            test = (node.get("test_metadata") or {}).get("name", "")
            waiting = [*_words_in(f"{node['raw_code']} {test} test_{test} {node['config']}"), *self._everywhere]
            found: set[str] = set()
            while waiting:
                word = waiting.pop()
                if word not in found:
                    found.add(word)
                    waiting.extend(self._words_of_macro.get(word, ()))
            self._words[unique_id] = frozenset(found)
        return self._words[unique_id]

    def recipe(self, unique_id: str) -> str:
        """The fingerprint of a node's own text and settings, without its parents and without values of a run."""
        if unique_id not in self._recipes:
            node, words = self.nodes[unique_id], self.words(unique_id)
            self._recipes[unique_id] = digest(
                [
                    {part: node.get(part) for part in _RECIPE},
                    [self._sources[p]["columns"] for p in parents_of(node) if p in self._sources],
                    {name: self._macros[name] for name in sorted(words & self._macros.keys())},
                    {name: value for name, value in self._variables.items() if name in words},
                    self._versions,
                    self._environment(node, words),
                    self._engine,
                    self._graph if "graph" in words else "",
                ]
            )
        return self._recipes[unique_id]

    def parents_first(self, wanted: Collection[str]) -> list[str]:
        """The wanted nodes, each after all nodes that it is made from."""
        ordered: dict[str, None] = {}

        def visit(unique_id: str) -> None:
            if unique_id in ordered or unique_id not in self.nodes:
                return
            for parent in parents_of(self.nodes[unique_id]):
                visit(parent)
            ordered[unique_id] = None

        for unique_id in sorted(wanted):
            visit(unique_id)
        return [unique_id for unique_id in ordered if unique_id in wanted]

    def _environment(self, node: Mapping[str, Any], words: frozenset[str]) -> dict[str, str | None]:
        """The environment variables that a node reads, itself or through its macros."""
        texts = [node["raw_code"], *(text for name in words & self._macros.keys() for text in self._macros[name])]
        names = {name for text in texts for name in _ENVIRONMENT.findall(text)}
        return {name: process_environment().get(name) for name in sorted(names)}

    @cached_property
    def _graph(self) -> str:
        """Of every node, for macros that look at the graph."""
        return digest([{part: node.get(part) for part in _RECIPE} for node in self.nodes.values()])


def _macros_by_name(manifest: Mapping[str, Any]) -> tuple[dict[str, list[str]], set[str]]:
    """The texts of the project's macros under the name by which they are called, and the names of dbt's own."""
    own: dict[str, list[str]] = {}
    of_dbt: set[str] = set()
    for macro in manifest["macros"].values():
        name = _DISPATCHED.sub("", macro["name"])
        if macro["package_name"] in _DBT_PACKAGES:
            of_dbt.add(name)
        else:
            own.setdefault(name, []).append(macro["macro_sql"])
    return {name: sorted(texts) for name, texts in own.items()}, of_dbt


def _words_in(*texts: str) -> frozenset[str]:
    return frozenset(word for text in texts for word in _WORD.findall(text))


def parents_of(node: Mapping[str, Any]) -> list[str]:
    """The unique ids of the nodes and sources that a node of the manifest reads."""
    return (node.get("depends_on") or {}).get("nodes") or []


class NodeInputs:
    """The fingerprints of one run's nodes, against the record of what was made before.

    text: of the project. as_of, known_until, landing_url: of the run. record: what was made before.
    version_of_source: of the dbt unique id of a source, the version of what it holds; called once per source.
    """

    def __init__(
        self,
        text: ProjectText,
        record: Mapping[str, Made],
        *,
        as_of: datetime,
        known_until: datetime | None = None,
        landing_url: str,
        version_of_source: Callable[[str], str],
    ) -> None:
        self._nodes, self._text = text.nodes, text
        self._run_values: Mapping[str, str] = {"as_of": str(as_of), "known_until": str(known_until)}
        self._place = {"landing_url": landing_url}
        self._record = dict(record)
        self._version_of_source = version_of_source
        self._due: set[str] = set()
        self._inputs: dict[str, str | None] = {}
        self._shapes: dict[str, str] = {}
        self._sources: dict[str, str] = {}

    def due(self, selection: list[str], existing: set[tuple[str, str]]) -> list[str]:
        """Those of the selected nodes that must be made again, parents first considered.

        existing: schema and name of the tables and views that stand in the warehouse.
        """
        wanted = set(selection)
        self._inputs.clear()
        for unique_id in self._text.parents_first(wanted):
            node = self._nodes[unique_id]
            if self._is_due(unique_id, node, existing):
                self._due.add(unique_id)
        return [unique_id for unique_id in selection if unique_id in self._due]

    def made(self, contents: Mapping[str, str], run_id: str) -> dict[str, Made]:
        """The record of nodes that were just made. contents: unique id -> version of its rows, "" for what has none."""
        self._due -= contents.keys()
        self._record |= {name: Made("", content, run_id) for name, content in contents.items()}
        self._inputs.clear()
        found = {}
        for unique_id, content in contents.items():
            inputs = self._made_from(unique_id)
            if inputs is not None and not self.is_of_one_run(unique_id):
                found[unique_id] = Made(inputs, content, run_id)
        self._record |= found
        return found

    def version(self, unique_id: str) -> str | None:
        """The version of what a reader of this node or source gets; None where it is about to change."""
        node = self._nodes.get(unique_id)
        if node is None:
            if unique_id not in self._sources:
                self._sources[unique_id] = self._version_of_source(unique_id)
            return self._sources[unique_id]
        if not is_stored(node):
            return self.inputs(unique_id)
        made = self._record.get(unique_id)
        return None if made is None or unique_id in self._due else made.content

    def inputs(self, unique_id: str) -> str | None:
        """The fingerprint of all that a node is made from; None where a parent is about to change."""
        if unique_id not in self._inputs:
            versions = [self.version(parent) for parent in self._read_by(unique_id)]
            self._inputs[unique_id] = (
                None if None in versions else digest([self._recipe(unique_id, self._run_values), versions])
            )
        return self._inputs[unique_id]

    def ancestors(self, unique_ids: Iterable[str]) -> set[str]:
        """Nodes, and all nodes and sources that they are made from."""
        found: set[str] = set()
        waiting = list(unique_ids)
        while waiting:
            unique_id = waiting.pop()
            if unique_id not in found:
                found.add(unique_id)
                waiting.extend(parents_of(self._nodes[unique_id]) if unique_id in self._nodes else ())
        return found

    def is_of_one_run(self, unique_id: str) -> bool:
        """Whether a node writes down the run itself, or when it began: then every run makes it."""
        node = self._nodes.get(unique_id)
        return node is not None and node["resource_type"] in _BUILT and bool(_OF_ONE_RUN & self._text.words(unique_id))

    def _is_due(self, unique_id: str, node: Mapping[str, Any], existing: set[tuple[str, str]]) -> bool:
        made = self._record.get(unique_id)
        if made is None:  # as what writes down its run always is
            return True
        if node["resource_type"] in _BUILT and (node["schema"], node["alias"]) not in existing:
            return True
        return made.inputs != self._made_from(unique_id)

    def _made_from(self, unique_id: str) -> str | None:
        """What decides whether a node is made again. A view reads its parents when it is read itself."""
        node = self._nodes[unique_id]
        is_view = node["resource_type"] == "model" and not is_stored(node)
        return digest([self._shape(unique_id), self._place_in(unique_id)]) if is_view else self.inputs(unique_id)

    def _shape(self, unique_id: str) -> str:
        """The fingerprint of the columns that a node has: its text, and the columns that it finds in its parents."""
        if unique_id not in self._shapes:
            shapes = []
            for parent in self._read_by(unique_id):
                node = self._nodes.get(parent)
                if node is None:
                    # New files of a landed stream may bring columns. What Python steps write has fixed ones.
                    shapes.append(parent if parent.startswith(_OF_THE_PACKAGE) else str(self.version(parent)))
                elif (node.get("contract") or {}).get("enforced"):
                    shapes.append(digest(node["columns"]))
                else:
                    shapes.append(self._shape(parent))
            self._shapes[unique_id] = digest([self._recipe(unique_id, self._run_values), shapes])
        return self._shapes[unique_id]

    def _place_in(self, unique_id: str) -> Mapping[str, str]:
        """Where landing lies, if the text of a view names it, or that of an ephemeral model within."""
        parents = parents_of(self._nodes[unique_id])
        within = [p for p in parents if p in self._nodes and self._nodes[p]["config"]["materialized"] == "ephemeral"]
        is_on_landing = any(p not in self._nodes and not p.startswith(_OF_THE_PACKAGE) for p in parents)
        reads = is_on_landing or _REJECTS in self._text.words(unique_id) or any(map(self._place_in, within))
        return self._place if reads else {}

    def _recipe(self, unique_id: str, run_values: Mapping[str, str]) -> str:
        """The fingerprint of a node without its parents. The rows of a table do not depend on where landing lies."""
        words = self._text.words(unique_id)
        return digest([self._text.recipe(unique_id), {name: run_values[name] for name in run_values.keys() & words}])

    def _read_by(self, unique_id: str) -> list[str]:
        """The parents of a node; all ancestors where its macros look at the graph, and may read what stands there."""
        if "graph" not in self._text.words(unique_id):
            return parents_of(self._nodes[unique_id])
        return sorted(self.ancestors(parents_of(self._nodes[unique_id])))
