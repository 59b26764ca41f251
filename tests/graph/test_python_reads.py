"""Every asset that Python makes declares the tables that its SQL reads.

The tests find the SQL in the source: in the function of the asset and in all our code that it calls. sqlglot's
tokenizer finds the table after each `from` and `join`; a table name that is a string of its own counts too.
Reports are left out: they read the published copy, not tables of the warehouse.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import textwrap
from collections.abc import Iterator
from functools import cache
from types import FunctionType, ModuleType

import dagster as dg
import pytest
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import TokenError
from sqlglot.tokens import TokenType

from orchestration.channels.catalog_file import load_catalog
from orchestration.definitions import build_definitions
from orchestration.defs.predictions import trained_models
from orchestration.defs.project import Installation
from orchestration.settings import settings_from
from orchestration.warehouse.dbt import DbtProject

PACKAGES = ("orchestration", "expectations")
SCHEMAS = [
    "staging",
    "intermediate",
    "identity",
    "perception",
    "core",
    "attribution",
    "predictions",
    "marts",
    "quality",
    "seeds",
]
TABLE = re.compile(rf"(?:{'|'.join(SCHEMAS)})\.[a-z_0-9]+")
PLACEHOLDER = "placeholder"
# Dependencies of order: files that a step writes, and steps that share a file.
ORDER_ONLY = {("scores", "predictions.trained_model"), ("engagement_points", "predictions.trained_model")}


@cache
def tables_in(sql: str) -> set[str]:
    """Tables (schema.name) that a text reads; empty unless it is SQL."""
    if TABLE.fullmatch(sql):
        return {sql}
    try:
        tokens = DuckDB.Tokenizer().tokenize(sql)
    except TokenError:
        return set()
    found = set()
    for place, token in enumerate(tokens[:-3]):
        before = tokens[place - 1].token_type if place else None
        if token.token_type not in (TokenType.FROM, TokenType.JOIN) or before == TokenType.DELETE:
            continue
        schema, dot, table = tokens[place + 1 : place + 4]
        if dot.token_type == TokenType.DOT and schema.text in SCHEMAS and PLACEHOLDER not in table.text:
            found.add(f"{schema.text}.{table.text}")
    return found


def texts_in(tree: ast.AST) -> Iterator[str]:
    """String literals; expressions within them are placeholders."""
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else PLACEHOLDER for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield node.value


@cache
def parts_of(module: ModuleType) -> dict[str, ast.AST]:
    """Functions, classes and constants of a module by name."""
    parts: dict[str, ast.AST] = {}
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            parts[node.name] = node
        elif isinstance(node, ast.Assign):
            parts |= {target.id: node.value for target in node.targets if isinstance(target, ast.Name)}
    return parts


def imports_in(tree: ast.AST) -> dict[str, tuple[ModuleType, str | None]]:
    """Imported names of ours: the module, and the name within it (None for the module itself)."""
    found: dict[str, tuple[ModuleType, str | None]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in PACKAGES:
            module = importlib.import_module(str(node.module))
            for alias in node.names:
                value = getattr(module, alias.name, None)
                if isinstance(value, ModuleType):
                    found[alias.asname or alias.name] = (value, None)
                elif (value_module := getattr(value, "__module__", "")).split(".")[0] in PACKAGES:
                    found[alias.asname or alias.name] = (importlib.import_module(value_module), alias.name)
                else:
                    found[alias.asname or alias.name] = (module, alias.name)
    return found


@cache
def imports_of(module: ModuleType) -> dict[str, tuple[ModuleType, str | None]]:
    """Imported names of ours anywhere in a module."""
    return imports_in(ast.parse(inspect.getsource(module)))


def reads(tree: ast.AST, module: ModuleType, seen: set[tuple[str, str]]) -> set[str]:
    """Tables that this code and what it calls read."""
    found = {table for text in texts_in(tree) for table in tables_in(text)}
    known = imports_of(module) | imports_in(tree)
    for node in ast.walk(tree):
        target: tuple[ModuleType, str | None] | None = None
        if isinstance(node, ast.Name):
            target = (module, node.id) if node.id in parts_of(module) else known.get(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in known:
            source, name = known[node.value.id]
            target = (source, node.attr) if name is None else None
        if target is None or target[1] is None:
            continue
        source, name = target
        part = parts_of(source).get(str(name))
        if part is not None and (source.__name__, str(name)) not in seen:
            seen.add((source.__name__, str(name)))
            found |= reads(part, source, seen)
    return found


def body_of(assets: dg.AssetsDefinition) -> FunctionType:
    """The function that makes the assets; of the factory's step, the function that it was given."""
    body = assets.op.compute_fn.decorated_fn  # type: ignore[union-attr, attr-defined]
    made_by = inspect.getclosurevars(body).nonlocals.get("make")
    return made_by if isinstance(made_by, FunctionType) else body


@pytest.fixture(scope="module")
def python_steps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[FunctionType, list[dg.AssetSpec]]]:
    """Functions of Python that make tables of the warehouse from others, with their assets, by name."""
    settings = settings_from({"CONTEXT360_HOME": str(tmp_path_factory.mktemp("home"))}, catalog="contoso")
    catalog = load_catalog(settings.catalog_path, {})
    training = trained_models(Installation(settings, catalog, DbtProject(catalog, settings)))
    found = {"training": (training.make, list(training.specs))}
    for assets in build_definitions(settings).assets or ():
        if isinstance(assets, dg.AssetsDefinition) and assets.is_executable:
            schemas = {key.path[0] for key in assets.keys}
            if schemas & {"identity", "perception", "attribution", "predictions"} and not _is_dbt(assets):
                found[assets.op.name] = (body_of(assets), list(assets.specs))
    return found


def _is_dbt(assets: dg.AssetsDefinition) -> bool:
    return any("dagster_dbt/unique_id" in spec.metadata for spec in assets.specs)


def test_python_declares_the_tables_that_its_sql_reads(
    python_steps: dict[str, tuple[FunctionType, list[dg.AssetSpec]]],
) -> None:
    assert python_steps.keys() >= {"identity", "training", "scores", "campaign_effects", "predictions__policy_value"}
    undeclared, unread = set(), set()
    for name, (body, specs) in python_steps.items():
        module = importlib.import_module(body.__module__)
        read = reads(ast.parse(textwrap.dedent(inspect.getsource(body))), module, set())
        made = {".".join(spec.key.path) for spec in specs}
        declared = {".".join(dep.asset_key.path) for spec in specs for dep in spec.deps}
        undeclared |= {(name, table) for table in read - made - declared}
        unread |= {(name, table) for table in declared - made - read if TABLE.fullmatch(table)}
    assert (undeclared, unread) == (set(), ORDER_ONLY)


@pytest.mark.parametrize(
    ("text", "tables"),
    [
        ("select * from core.dim_customer as c left join marts.x using (a)", {"core.dim_customer", "marts.x"}),
        ("-- from core.a\nselect 1 from predictions.placeholder_b", set()),
        ("delete from predictions.policy_value", set()),
        ("insert into predictions.a select 'from core.b' from seeds.c as c", {"seeds.c"}),
        ("seeds.engagement_bands", {"seeds.engagement_bands"}),
        ("It's from core.dim_customer", set()),
    ],
)
def test_tables_are_found_in_sql_and_not_in_comments_or_literals(text: str, tables: set[str]) -> None:
    assert tables_in(text) == tables
