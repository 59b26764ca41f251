"""CSV and JSON lines, built column by column."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc


def csv_lines(columns: Mapping[str, pa.Array], delimiter: str = ",") -> pa.Array:
    """One text per row, with its line end. Values must not hold the delimiter; use `quoted` where they may."""
    texts = [_text(column) for column in columns.values()]
    lines = pc.binary_join_element_wise(*texts, delimiter, null_handling="replace", null_replacement="")
    return pc.binary_join_element_wise(lines, "\n", "")


def csv_header(columns: list[str], delimiter: str = ",") -> bytes:
    """The first line of a CSV file."""
    return (delimiter.join(columns) + "\n").encode()


def quoted(texts: pa.Array) -> pa.Array:
    """Texts in quotes, for values that may hold the delimiter. None of our texts holds a quote."""
    return pc.binary_join_element_wise('"', texts, '"', "")


def json_lines(columns: Mapping[str, pa.Array]) -> pa.Array:
    """One JSON object per row, with its line end. None of our texts needs escaping."""
    parts: list[object] = []
    for number, (name, column) in enumerate(columns.items()):
        opening = "{" if number == 0 else ","
        if pa.types.is_integer(column.type) or pa.types.is_boolean(column.type):
            value = pc.fill_null(pc.cast(column, pa.string()), "null")
        else:
            value = pc.fill_null(pc.binary_join_element_wise('"', _text(column), '"', ""), "null")
        parts.append(pc.binary_join_element_wise(f'{opening}"{name}":', value, ""))
    return pc.binary_join_element_wise(*parts, "}\n", "")


def _text(column: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(column.type) or not pa.types.is_string(column.type):
        return pc.cast(column, pa.string())
    return column
