"""Reading a catalog file: YAML, environment variables, and one line per fault that says where it is and what to do."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from orchestration.channels.catalog import STREAM_MODELS, SYSTEM_MODELS, Catalog
from orchestration.channels.errors import CatalogError

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
# Names become folders, tables and dlt pipelines: one underscore between words, because two separate system and stream.
_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
# A file of SQLite is named relative to the catalog, as other locations are: three slashes, not four.
_RELATIVE_SQLITE = re.compile(r"sqlite:///(?![/:])([^?]+)")
# Set by load_catalog; a catalog file must not set them.
_INJECTED = ("name", "system_name", "catalog_file", "variables")


def load_catalog(path: Path, environment: Mapping[str, str]) -> Catalog:
    """Read and check a catalog.

    `environment` supplies the values for `${NAME}` and `${NAME:-default}`. Raises CatalogError with one line per fault.
    """
    try:
        written = yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeyLoader)  # noqa: S506 (it is a SafeLoader)
    except FileNotFoundError as error:
        raise CatalogError(
            f"{path}: there is no such catalog file; go to the firm's folder, name it with --catalog, or make one with "
            "`context360 init FOLDER`"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogError(f"{path}: cannot be read as UTF-8 text ({type(error).__name__})") from error
    except _DuplicateKey as error:
        raise CatalogError(f"{path.name}: {error}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark else ""
        raise CatalogError(f"{path.name}{place}: is not YAML: {getattr(error, 'problem', None) or error}") from error
    if not isinstance(written, dict):
        raise CatalogError(f"{path.name}: must have the fields catalog and systems")

    faults: list[str] = []
    expanded = _expand(written, environment, path.name, (), faults)
    faults += _name_faults(written, path.name)
    if not faults:
        _inject(expanded, written, path)
        try:
            return Catalog.model_validate(expanded)
        except ValidationError as error:
            faults = [_sentence(detail, written, path.name) for detail in error.errors(include_url=False)]
    raise CatalogError("\n".join(dict.fromkeys(faults)))


class _DuplicateKey(yaml.YAMLError):
    pass


class _UniqueKeyLoader(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key_node, _ in node.value:
            if key_node.value in seen and key_node.tag != "tag:yaml.org,2002:merge":
                line = key_node.start_mark.line + 1
                raise _DuplicateKey(f"line {line}: {key_node.value} is defined twice; keep one of the two")
            seen.add(key_node.value)
        return super().construct_mapping(node, deep=deep)


def _expand(value: Any, environment: Mapping[str, str], file: str, loc: tuple[Any, ...], faults: list[str]) -> Any:
    """`value` with all variables replaced. A variable that is not set adds a line to `faults`."""
    if isinstance(value, dict):
        return {key: _expand(inner, environment, file, (*loc, key), faults) for key, inner in value.items()}
    if isinstance(value, list):
        return [_expand(inner, environment, file, (*loc, index), faults) for index, inner in enumerate(value)]
    if not isinstance(value, str):
        return value

    def replacement(match: re.Match[str]) -> str:
        name, default = match[1], match[2]
        if default is not None:
            return environment.get(name) or default
        if name not in environment:
            faults.append(
                f"{_place(file, loc)}: the environment variable {name} is not set; set it, or write "
                f"${{{name}:-default}}"
            )
        return environment.get(name, "")

    return _VARIABLE.sub(replacement, value)


def _mapping(value: Any) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {}


def _name_faults(written: dict[Any, Any], file: str) -> list[str]:
    faults = []
    for system_name, system in _mapping(written.get("systems")).items():
        named: list[tuple[tuple[Any, ...], str, Any]] = [((system_name,), "system", system_name)]
        streams = _mapping(_mapping(system).get("streams"))
        named += [((system_name, stream_name), "stream", stream_name) for stream_name in streams]
        for names, kind, name in named:
            if not isinstance(name, str) or _NAME.fullmatch(name) is None:
                place = ", ".join(f"{what} {which}" for what, which in zip(("system", "stream"), names, strict=False))
                faults.append(
                    f"{file}: {place}: is not a name for a {kind}; write it in snake_case, as in web_shop"
                    + ("" if isinstance(name, str) else ", in quotes")
                )
    return faults


def _inject(expanded: dict[str, Any], written: dict[str, Any], path: Path) -> None:
    """Add the names of systems and streams, and make locations absolute."""
    for system_name, system in _mapping(expanded.get("systems")).items():
        if not isinstance(system, dict):
            continue
        _refuse_injected(system)
        system.update(name=system_name, catalog_file=path)
        raw = written["systems"][system_name]
        system["variables"] = {
            field: match[1]
            for field, text in raw.items()
            if isinstance(text, str) and (match := _VARIABLE.search(text)) is not None
        }
        location = system.get("location")
        if isinstance(location, str) and location and "://" not in location:
            system["location"] = str((path.parent / Path(location).expanduser()).resolve())
        url = system.get("url")
        if isinstance(url, str) and (match := _RELATIVE_SQLITE.fullmatch(url)) is not None:
            system["url"] = f"sqlite:///{(path.parent / match[1]).resolve()}"
        for stream_name, stream in _mapping(system.get("streams")).items():
            if isinstance(stream, dict):
                _refuse_injected(stream)
                stream.update(name=stream_name, system_name=system_name)


def _refuse_injected(fields: dict[str, Any]) -> None:
    # Renamed, so that pydantic reports it like a misspelt field.
    for field in _INJECTED:
        if field in fields:
            fields[f"{field} (set by the catalog itself)"] = fields.pop(field)


def _place(file: str, loc: tuple[Any, ...]) -> str:
    """`catalog.yaml: system shop, stream contacts, field format`, from the path of a value."""
    parts, rest = [], list(loc)
    if len(rest) > 1 and rest[0] == "systems":
        parts.append(f"system {rest[1]}")
        rest = rest[2:]
        if rest and rest[0] in SYSTEM_MODELS:  # pydantic inserts the member of the union here
            rest = rest[1:]
        if len(rest) > 1 and rest[0] == "streams":
            parts.append(f"stream {rest[1]}")
            rest = rest[2:]
    if rest:
        parts.append("field " + ".".join(str(step) for step in rest))
    return f"{file}: {', '.join(parts)}" if parts else file


def _sentence(detail: ErrorDetails, written: dict[str, Any], file: str) -> str:
    loc, kind, context = detail["loc"], detail["type"], detail.get("ctx", {})
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        loc = (*loc, "connector")
    if kind == "extra_forbidden":
        unknown = str(loc[-1])
        near = difflib.get_close_matches(unknown, _fields_at(loc), n=1)
        advice = f"did you mean {near[0]}?" if near else f"allowed are {', '.join(_fields_at(loc))}"
        return f"{_place(file, loc[:-1])}: unknown field {unknown}; {advice}"
    place, value = _place(file, loc), _as_written(written, loc)
    if kind in ("missing", "union_tag_not_found") and (kind == "missing" or value is None):
        allowed = f"; one of {', '.join(SYSTEM_MODELS)}" if kind == "union_tag_not_found" else ""
        return f"{place}: is required{allowed}"
    if kind == "union_tag_invalid":
        return f"{place}: {value!r} is not one of {', '.join(SYSTEM_MODELS)}"
    if kind == "literal_error":
        allowed = re.sub(r"'([^']*)'", r"\1", str(context.get("expected", ""))).replace(" or ", ", ")
        return f"{place}: {value!r} is not one of {allowed}"
    if kind == "too_short" and loc[-1] in ("systems", "streams"):
        return f"{place}: is empty; name at least one"
    if kind in ("duration", "column", "column_type", "encoding", "moment", "time_zone"):
        return f"{place}: {value!r} {detail['msg']}"
    # Values of the remaining fields may be secrets; pydantic's messages do not repeat them.
    return f"{place}: {detail['msg'][0].lower()}{detail['msg'][1:]}"


def _as_written(written: Any, loc: tuple[Any, ...]) -> Any:
    """The value in the file, without expanded variables: safe to show."""
    for step in loc:
        if (isinstance(written, dict) and step in written) or (
            isinstance(written, list) and isinstance(step, int) and step < len(written)
        ):
            written = written[step]
        elif step not in SYSTEM_MODELS:
            return None
    return written


def _fields_at(loc: tuple[Any, ...]) -> list[str]:
    model: type[BaseModel] = Catalog
    if len(loc) > 3 and loc[0] == "systems":
        model = STREAM_MODELS[loc[2]] if len(loc) > 5 else SYSTEM_MODELS[loc[2]]
    return [field.alias or name for name, field in model.model_fields.items() if name not in _INJECTED]
