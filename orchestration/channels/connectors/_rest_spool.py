"""Items of an endpoint as tables of text, on disk but for the last one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH_ROWS = 50_000


class ItemSpool:
    """Items as tables of text: the last table in memory, all others on disk."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._items: list[Mapping[str, Any]] = []
        self._files: list[Path] = []
        # All fields, in the order of their first appearance.
        self.fields: dict[str, None] = {}

    def add(self, item: Mapping[str, Any]) -> None:
        """Keep an item."""
        if not item.keys() <= self.fields.keys():
            self.fields.update(dict.fromkeys(item))
        self._items.append(item)
        if len(self._items) >= _BATCH_ROWS:
            import pyarrow.parquet as pq

            self._files.append(self._scratch / f"items-{len(self._files)}.parquet")
            pq.write_table(self._table(), self._files[-1])
            self._items = []

    def _table(self) -> pa.Table:
        import pyarrow as pa

        return pa.table({field: _texts([item.get(field) for item in self._items]) for field in self.fields})

    def tables(self) -> Iterator[pa.Table]:
        """All items, each table with all fields."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        for file in self._files:
            rows = pq.read_table(file)
            for field in self.fields:
                if field not in rows.column_names:
                    rows = rows.append_column(field, pa.nulls(rows.num_rows, pa.string()))
            yield rows.select(list(self.fields))
        if self._items:
            yield self._table()


def _texts(values: list[Any]) -> pa.Array:
    import pyarrow as pa

    try:
        return pa.array(values, pa.string())
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        return pa.array([_text(value) for value in values], pa.string())


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if type(value) is int:
        return str(value)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
