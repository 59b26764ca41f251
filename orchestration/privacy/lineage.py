"""Column lineage of staging models: the columns of a contribution as expressions on the columns that landed."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.optimizer.scope import Scope

DIALECT = "duckdb"


class LineageError(Exception):
    """The SQL of a model cannot be followed; the message names the model."""


@dataclass(frozen=True)
class Source:
    """What a physical table of a query stands for: another query, or, without one, a table with these columns."""

    columns: tuple[str, ...]
    query: Scope | None = None


class Lineage:
    """Follows columns through queries that read each other.

    queries: name of a relation -> its SQL. columns: name of a relation without SQL -> its columns, in order.
    """

    def __init__(self, queries: Mapping[str, str], columns: Mapping[str, Sequence[str]]) -> None:
        self._queries, self._columns = dict(queries), {name: list(names) for name, names in columns.items()}
        self._scopes: dict[str, Scope] = {}
        self._names: dict[str, list[str]] = {name: list(names) for name, names in columns.items()}

    def columns_of(self, relation: str) -> list[str]:
        """The columns of a relation, in order. Raises LineageError where its SQL cannot be read."""
        if relation not in self._names:
            self._names[relation] = _selected(self._scope(relation).expression)
        return self._names[relation]

    def expressions(self, relation: str, columns: Sequence[str]) -> list[tuple[exp.Expression, ...]]:
        """The columns as expressions on relations without SQL: one tuple per branch of unions, without repeats.

        A column in them is qualified by its relation. An aggregate counts as its argument. Raises LineageError where
        the SQL cannot be followed.
        """
        from sqlglot import exp

        if relation not in self._queries:
            return [tuple(exp.column(name, table=relation) for name in columns)]
        found = self._of_scope(self._scope(relation), list(columns))
        return list({tuple(one.sql(DIALECT) for one in branch): branch for branch in found}.values())

    def _scope(self, relation: str) -> Scope:
        from sqlglot import exp, parse_one
        from sqlglot.errors import SqlglotError
        from sqlglot.optimizer.qualify import qualify
        from sqlglot.optimizer.scope import build_scope

        if relation in self._scopes:
            return self._scopes[relation]
        try:
            tree = parse_one(self._queries[relation], dialect=DIALECT)
            tables = {table.name for table in tree.find_all(exp.Table)}
            read: dict[str, object] = {
                name: dict.fromkeys(self.columns_of(name), "text") for name in tables if self._is_known(name)
            }
            for table in tree.find_all(exp.Table):
                table.set("db", None)
                table.set("catalog", None)
            tree = qualify(tree, dialect=DIALECT, schema=read, validate_qualify_columns=False, identify=False)
            scope = build_scope(tree)
        except (SqlglotError, RecursionError) as error:
            raise LineageError(f"the SQL of {relation} cannot be followed ({type(error).__name__})") from error
        if scope is None:
            raise LineageError(f"the SQL of {relation} is no query")
        self._scopes[relation] = scope
        return scope

    def _is_known(self, relation: str) -> bool:
        return relation in self._queries or relation in self._columns

    def _of_scope(self, scope: Scope, columns: list[str]) -> list[tuple[exp.Expression, ...]]:
        from sqlglot import exp

        tree = scope.expression
        if isinstance(tree, exp.SetOperation):
            names = _selected(tree)
            places = [names.index(column) for column in columns]
            branches = []
            for branch in scope.set_operation_scopes or []:
                of_branch = _selected(branch.expression)
                branches += self._of_scope(branch, [of_branch[place] for place in places])
            return branches
        selected = {column.alias_or_name: column for column in _projections(tree)}
        missing = [column for column in columns if column not in selected]
        if missing:
            raise LineageError(f"a query lacks the column {missing[0]}")
        return self._replaced(scope, [_without_aggregates(selected[column].unalias().copy()) for column in columns])

    def _replaced(self, scope: Scope, wanted: list[exp.Expression]) -> list[tuple[exp.Expression, ...]]:
        """The expressions with each column replaced by what it is made from, per branch of the scope's sources."""
        from sqlglot import exp
        from sqlglot.optimizer.scope import Scope

        used: dict[str, list[str]] = {}
        for expression in wanted:
            for column in expression.find_all(exp.Column):
                names = used.setdefault(column.table, [])
                if column.name not in names:
                    names.append(column.name)
        choices: list[list[dict[tuple[str, str], exp.Expression]]] = []
        for alias, names in used.items():
            source = scope.sources.get(alias)
            if isinstance(source, Scope):
                branches = self._of_scope(source, names)
            elif isinstance(source, exp.Table) and self._is_known(source.name):
                branches = self.expressions(source.name, names)
            else:
                raise LineageError(f"a query reads {alias or 'something without a name'}, which is not known")
            choices.append(
                [{(alias, name): made for name, made in zip(names, branch, strict=True)} for branch in branches]
            )
        found = []
        for combination in itertools.product(*choices):
            made = {key: value for part in combination for key, value in part.items()}
            found.append(tuple(_with_columns(expression.copy(), made) for expression in wanted))
        return found


def _projections(tree: Any) -> list[Any]:
    return list(tree.selects)


def _selected(tree: Any) -> list[str]:
    return [column.alias_or_name for column in _projections(tree)]


def _with_columns(expression: exp.Expression, made: Mapping[tuple[str, str], exp.Expression]) -> exp.Expression:
    from sqlglot import exp

    whole = (exp.Column, exp.Func, exp.Literal, exp.Null, exp.Boolean, exp.Paren)

    def replaced(node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.Column):
            found = made[node.table, node.name].copy()
            return found if isinstance(found, whole) else exp.paren(found)
        return node

    return expression.transform(replaced)


def _without_aggregates(expression: exp.Expression) -> exp.Expression:
    """The argument instead of an aggregate, and what a window function looks at instead of the function."""
    from sqlglot import exp

    def replaced(node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.Window):
            return node.this
        if isinstance(node, exp.AggFunc) and isinstance(node.this, exp.Expression):
            return node.this
        return node

    previous = None
    while previous != expression:
        previous, expression = expression.copy(), expression.transform(replaced)
    return expression


def relations_in(expression: exp.Expression) -> set[str]:
    """The relations whose columns an expression reads."""
    from sqlglot import exp

    return {column.table for column in expression.find_all(exp.Column)}


def columns_in(expression: exp.Expression) -> set[tuple[str, str]]:
    """The columns that an expression reads, as (relation, column)."""
    from sqlglot import exp

    return {(column.table, column.name) for column in expression.find_all(exp.Column)}


def texts_in(expression: exp.Expression) -> set[str]:
    """The string literals of an expression."""
    from sqlglot import exp

    return {literal.this for literal in expression.find_all(exp.Literal) if literal.is_string}


def sql_of(expression: exp.Expression) -> str:
    """The expression as DuckDB reads it, its columns without their relation."""
    from sqlglot import exp

    bare = expression.transform(
        lambda node: exp.column(exp.to_identifier(node.name, quoted=True)) if isinstance(node, exp.Column) else node
    )
    return bare.sql(DIALECT)
