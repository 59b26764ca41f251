"""What a run leaves as it is: how a Python step finds out, and what Dagster shows of tables that are unchanged."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg

from orchestration.defs.dagster_internals import unchanged_output
from orchestration.defs.project import Installation, RunResource
from orchestration.warehouse.build_record import Made, digest, existing, forget, keep, read_record
from orchestration.warehouse.changed_build import code_version, table_versions


def unchanged_table(key: dg.AssetKey, run_id: str) -> Iterator[dg.AssetObservation | dg.Output]:
    """The events of a table whose inputs have not changed since the run that made it."""
    yield dg.AssetObservation(key, metadata={"unchanged_since_run": run_id})
    yield unchanged_output(key)


@dataclass(frozen=True)
class PythonInputs:
    """What a Python step is made from in this run, and what it was made from the last time.

    name: under which it is on record. inputs: None where it must be made. made: what is on record.
    """

    name: str
    inputs: str | None
    made: Made | None

    def is_unchanged(self, connection: Any) -> bool:
        """Whether the tables of the step are there, made from the same inputs."""
        if self.made is None or self.inputs is None or self.made.inputs != self.inputs:
            return False
        return {tuple(table.split(".")) for table in self.made.content.split()} <= existing(connection)

    def keep(self, connection: Any, run_id: str, tables: Sequence[str]) -> None:
        """Puts on record that the step has made its tables. Those that are files alone are not looked for later."""
        if self.inputs is not None:
            there = existing(connection)
            stored = [table for table in tables if tuple(table.split(".")) in there]
            keep(connection, {self.name: Made(self.inputs, " ".join(stored), run_id)})


def python_inputs(
    installation: Installation,
    connection: Any,
    run: RunResource,
    name: str,
    reads: Sequence[str],
    made_from: Callable[[Installation, RunResource], Any] | None,
) -> PythonInputs:
    """Compares what a step would be made from with the record. A step without `made_from` is always made."""
    if made_from is None:
        return PythonInputs(name, None, None)
    other = made_from(installation, run)
    versions = table_versions(installation.dbt, installation.warehouse, reads, run.moment, run.known_until)
    inputs = (
        None
        if other is None or None in versions.values()
        else digest([code_version(), versions, other, run.known_until])
    )
    made = None if run.full_refresh else read_record(connection).get(name)
    return PythonInputs(name, inputs, made)


def begin(connection: Any, inputs: PythonInputs) -> None:
    """Takes a step off the record before it is made again."""
    forget(connection, [inputs.name])


class ReportRecord:
    """What a report was made from, kept beside the reports: it is a file, and goes with them."""

    def __init__(self, folder: Path, name: str) -> None:
        self._file, self._name = folder / ".made_from.json", name

    def made_from(self, inputs: str | None) -> str | None:
        """The run that made the report from these inputs; None where it must be made, for instance as it is gone."""
        made = self._read().get(self._name)
        is_there = made is not None and inputs == made["inputs"] and Path(made["path"]).is_file()
        return made["run_id"] if made is not None and is_there else None

    def keep(self, inputs: str | None, run_id: str, path: Path | None) -> None:
        """Puts on record that the report was made."""
        if inputs is None or path is None:
            return
        made = self._read() | {self._name: {"inputs": inputs, "run_id": run_id, "path": str(path)}}
        fresh = self._file.with_suffix(".new")
        fresh.write_text(json.dumps(made, indent=1), encoding="utf-8")
        fresh.replace(self._file)

    def _read(self) -> dict[str, dict[str, str]]:
        try:
            return dict(json.loads(self._file.read_text(encoding="utf-8")))
        except (OSError, ValueError):  # there is none yet, or it was cut off: the reports are made anew
            return {}
