"""Finds comparisons in compiled SQL whose outcome is neither true nor false where a key is null.

`offers.product_key < 0` means "the offer names no product". After a left join that finds no offer, key and comparison
are null, and the row silently falls out of a filter or into the wrong branch of a case. `key > 0` and joins on equal
keys are left alone: a null key is no known member and joins nothing, which is what they say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from sqlglot import exp, parse_one
from sqlglot.optimizer.scope import Scope, traverse_scope

_DECIDED_BY_ABSENCE = (exp.LT, exp.LTE, exp.NEQ)
_NARROWING = (exp.GT, exp.GTE, exp.LT, exp.LTE, exp.EQ, exp.NEQ)

Nullable = Mapping[str, frozenset[str]]


def nullable_keys(models: Mapping[str, str]) -> Nullable:
    """The key columns of each model that can be null, by model. models: compiled SQL by name."""
    found: dict[str, frozenset[str]] = {}

    def of(model: str) -> frozenset[str]:
        if model not in found:
            found[model] = frozenset()
            *_, last = traverse_scope(parse_one(models[model], dialect="duckdb"))
            found[model] = _outputs(last, _Tables(models, of))
        return found[model]

    return {model: of(model) for model in models}


def undecided_comparisons(query: str, nullable: Nullable) -> list[str]:
    """The comparisons of one model that are null where a key is null, as SQL. nullable: from `nullable_keys`."""
    tables = _Tables(nullable, lambda model: nullable[model])
    found = []
    for scope in traverse_scope(parse_one(query, dialect="duckdb")):
        if not isinstance(scope.expression, exp.Select):
            continue
        for comparison in scope.find_all(*_DECIDED_BY_ABSENCE, exp.EQ):
            found += [
                comparison.sql(dialect="duckdb")
                for key in _compared_keys(comparison)
                if _can_be_null(key, scope, tables) and not _null_is_handled(comparison, key)
            ]
    return found


class _Tables:
    """What is known of the models that a query reads; nothing of the others."""

    def __init__(self, models: Mapping[str, object], of: Callable[[str], frozenset[str]]) -> None:
        self._models, self._of = models, of

    def nullable(self, name: str) -> frozenset[str]:
        return self._of(name) if name in self._models else frozenset()


def _compared_keys(comparison: exp.Expression) -> Iterator[exp.Column]:
    """Its key columns; of an equation only where it asks for an absent member (a negative key) or is negated."""
    if isinstance(comparison, exp.EQ):
        absent = isinstance(comparison.expression, exp.Neg)
        if not absent and not isinstance(comparison.parent, exp.Not):
            return
    for side in (comparison.this, comparison.expression):
        if isinstance(side, exp.Column) and side.name.endswith("_key"):
            yield side


def _outputs(scope: Scope, tables: _Tables) -> frozenset[str]:
    """The key columns that a scope hands on and that can be null."""
    if scope.set_operation_scopes:
        return frozenset().union(*(_outputs(part, tables) for part in scope.set_operation_scopes))
    names = set()
    for column in scope.expression.selects:
        if column.is_star:
            alias = column.table if isinstance(column, exp.Column) else None
            for name in scope.sources if not alias else [alias]:
                names |= {key for key in _of_source(scope, name, tables) if not _is_narrowed(key, name, scope)}
        elif column.alias_or_name.endswith("_key") and _expression_can_be_null(column.unalias(), scope, tables):
            names.add(column.alias_or_name)
    return frozenset(names)


def _expression_can_be_null(node: exp.Expression, scope: Scope, tables: _Tables) -> bool:
    if isinstance(node, exp.Column):
        return _can_be_null(node, scope, tables)
    if isinstance(node, exp.Coalesce):
        return all(_expression_can_be_null(part, scope, tables) for part in (node.this, *node.expressions))
    if isinstance(node, exp.Case):
        branches = [branch.args["true"] for branch in node.args["ifs"]] + [node.args.get("default")]
        return any(branch is None or _expression_can_be_null(branch, scope, tables) for branch in branches)
    if isinstance(node, exp.Null):
        return True
    if isinstance(node, exp.Cast | exp.Neg | exp.Paren | exp.Min | exp.Max):
        return _expression_can_be_null(node.this, scope, tables)
    return False


def _can_be_null(column: exp.Column, scope: Scope, tables: _Tables) -> bool:
    name = column.table or (next(iter(scope.sources)) if len(scope.sources) == 1 else "")
    if name not in scope.sources or _is_narrowed(column.name, name, scope):
        return False
    joined = {join.alias_or_name: join.side for join in scope.expression.args.get("joins") or []}
    return joined.get(name) in ("LEFT", "FULL") or column.name in _of_source(scope, name, tables)


def _of_source(scope: Scope, name: str, tables: _Tables) -> frozenset[str]:
    source = scope.sources[name]
    return _outputs(source, tables) if isinstance(source, Scope) else tables.nullable(source.name)


def _is_narrowed(key: str, source: str, scope: Scope) -> bool:
    """Whether the filter, or an inner join, keeps only rows in which the key is not null."""
    where = scope.expression.args.get("where")
    conditions = [where.this] if where else []
    conditions += [
        join.args["on"] for join in scope.expression.args.get("joins") or [] if join.args.get("on") and not join.side
    ]
    return any(
        _is_about(part, key, source)
        for condition in conditions
        for part in (condition.flatten() if isinstance(condition, exp.And) else [condition])
    )


def _is_about(condition: exp.Expression, key: str, source: str) -> bool:
    if isinstance(condition, exp.Not) and isinstance(condition.this, exp.Is):
        sides = [condition.this.this]
    elif isinstance(condition, exp.GT | exp.GTE | exp.EQ) and not isinstance(condition.expression, exp.Neg):
        sides = [condition.this, condition.expression]
    else:
        return False
    return any(isinstance(side, exp.Column) and side.name == key and side.table in ("", source) for side in sides)


def _null_is_handled(comparison: exp.Expression, key: exp.Column) -> bool:
    """Whether the expression around it asks whether there is a row: in a coalesce, an `is null`, an earlier `when`."""
    around = comparison
    while around.parent is not None and not isinstance(around.parent, exp.Select | exp.Where | exp.Join):
        around = around.parent
        if isinstance(around, exp.Coalesce):
            return True
    asked = [check.this for check in around.find_all(exp.Is) if isinstance(check.this, exp.Column)]
    return any(column == key or (column.table and column.table == key.table) for column in asked)
