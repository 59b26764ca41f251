"""From which columns of which tables each column of a model is computed, read from compiled SQL.

Coarse: a column counts for an expression wherever it stands in it, and what only joins or filters rows is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlglot import exp, parse_one
from sqlglot.optimizer.scope import Scope, traverse_scope

Column = tuple[str, str]  # table, column
Columns = Mapping[str, frozenset[Column]]
_INJECTED = "__dbt__cte__"  # dbt writes ephemeral models into their readers under this name


def column_lineage(models: Mapping[str, str], columns: Mapping[str, list[str]]) -> dict[str, Columns]:
    """Per model and column: the columns at the beginning of its lineage, which no model makes.

    models: compiled SQL by name; columns: of every table that they read, by name, in order.
    """
    found: dict[str, Columns] = {}

    def behind(table: str, column: str) -> frozenset[Column]:
        table = table.removeprefix(_INJECTED)
        if table not in models:
            return frozenset({(table, column)})
        return of(table).get(column, frozenset())

    def of(model: str) -> Columns:
        if model not in found:
            found[model] = {}
            *_, last = traverse_scope(parse_one(models[model], dialect="duckdb"))
            found[model] = _Scopes(columns, behind).outputs(last)
        return found[model]

    return {model: of(model) for model in models}


class _Scopes:
    """What the scopes of one query hand on, each computed once."""

    def __init__(self, columns: Mapping[str, list[str]], behind: Callable[[str, str], frozenset[Column]]) -> None:
        self._columns, self._behind = columns, behind
        self._known: dict[int, dict[str, frozenset[Column]]] = {}

    def outputs(self, scope: Scope) -> dict[str, frozenset[Column]]:
        """Per column of the scope: from which columns it comes."""
        if id(scope) not in self._known:
            self._known[id(scope)] = self._union(scope) if scope.set_operation_scopes else self._selected(scope)
        return self._known[id(scope)]

    def _union(self, scope: Scope) -> dict[str, frozenset[Column]]:
        parts = [self.outputs(part) for part in scope.set_operation_scopes]
        return {
            name: frozenset().union(*(list(part.values())[place] for part in parts if len(part) > place))
            for place, name in enumerate(parts[0])
        }

    def _source(self, source: Scope | exp.Table) -> dict[str, frozenset[Column]]:
        if isinstance(source, Scope):
            return self.outputs(source)
        names = self._columns.get(source.name.removeprefix(_INJECTED), [])
        return {column: self._behind(source.name, column) for column in names}

    def _selected(self, scope: Scope) -> dict[str, frozenset[Column]]:
        sources = {name: self._source(source) for name, source in scope.sources.items()}

        def origin(column: exp.Column) -> frozenset[Column]:
            if column.table:
                return sources.get(column.table, {}).get(column.name, frozenset())
            return frozenset().union(*(source.get(column.name, frozenset()) for source in sources.values()))

        found: dict[str, frozenset[Column]] = {}
        for select in scope.expression.selects:
            if select.is_star:
                for name in [select.table] if isinstance(select, exp.Column) and select.table else sources:
                    found |= sources[name]
            else:
                read = [origin(column) for column in select.find_all(exp.Column)]
                found[select.alias_or_name] = frozenset().union(*read)
        return found
