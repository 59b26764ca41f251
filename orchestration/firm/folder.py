"""The layout of a firm's folder, and errors about folders that cannot be used."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any

from orchestration.firm.placeholders import SECTION, fault_of, neutral_placeholders, patterns_by_kind, placeholders_of
from orchestration.settings import DBT_PACKAGE, EXAMPLES

DBT_PROJECT_FILE = "dbt_project.yml"
_CANONICAL_STREAM = re.compile(r"canonical: \{stream: (\w+)")
OWN_SEED_PREFIX = "own_"


class FirmError(Exception):
    """A firm's folder cannot be used; the message names the file and the remedy."""


@dataclass(frozen=True)
class FirmFolder:
    """The folder that holds a firm's dbt project. A catalog beside it, or elsewhere, names the systems."""

    path: Path

    @cached_property
    def dbt_name(self) -> str:
        """The name of the firm's dbt project: the first part of the `fqn` of its models.

        Raises FirmError if dbt_project.yml names none.
        """
        import yaml

        file = self.path / DBT_PROJECT_FILE
        try:
            written = yaml.safe_load(file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise FirmError(f"{file} cannot be read as YAML ({type(error).__name__}): correct it.") from error
        name = written.get("name") if isinstance(written, dict) else None
        if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            raise FirmError(f"{file}: `name` is required; write it in snake_case, as in my_firm.")
        if name == "context360":
            raise FirmError(f"{file}: `name` is context360, which is the package's own; choose another.")
        return name

    @property
    def staging(self) -> Path:
        return self.path / "models" / "staging"

    def contributions(self, system: str) -> list[tuple[str, str]]:
        """(canonical stream, model) of every file `<system>__<canonical stream>.sql` in the system's staging folder.

        Raises FirmError where a file names a canonical stream that does not exist: nothing would read it.
        """
        files = sorted((self.staging / system).glob(f"{system}__*.sql"))
        found = [(file.stem.removeprefix(f"{system}__"), file.stem) for file in files]
        known = canonical_streams()
        for stream, model in found:
            if stream not in known and not self._is_read(system, model):
                raise FirmError(_unknown_stream(stream, f"models/staging/{system}/{model}.sql", known))
        return [(stream, model) for stream, model in found if stream in known]

    def _is_read(self, system: str, model: str) -> bool:
        """Whether another model of the folder reads it: then it is no contribution but a part of one."""
        others = (file for file in (self.staging / system).glob("*.sql") if file.stem != model)
        return any(re.search(rf"ref\(\s*['\"]{model}['\"]", file.read_text(encoding="utf-8")) for file in others)

    def own_seeds(self) -> list[str]:
        """The neutral seeds to which the firm adds rows: `touchpoints` for seeds/own_touchpoints.csv."""
        files = sorted((self.path / "seeds").glob(f"{OWN_SEED_PREFIX}*.csv"))
        return [file.stem.removeprefix(OWN_SEED_PREFIX) for file in files]

    @property
    def checks(self) -> Path:
        """The firm's own rules for Great Expectations; may be absent."""
        return self.path / "checks.yml"

    def placeholder_patterns(self) -> dict[str, dict[str, str]]:
        """The patterns of identifiers that name no one, by kind: the neutral ones and those of identity_rules.yml.

        Raises FirmError if an entry there cannot be used; whatever else is wrong there is the linking's to report.
        """
        import yaml

        own: Any = None
        if self.identity_rules.is_file():
            try:
                own = yaml.safe_load(self.identity_rules.read_text(encoding="utf-8"))
            except (UnicodeDecodeError, yaml.YAMLError) as error:
                raise FirmError(f"{self.identity_rules} cannot be read as YAML: correct it.") from error
        entries = (own.get(SECTION) if isinstance(own, dict) else None) or []
        if not isinstance(entries, list):
            raise FirmError(
                f"{self.identity_rules}: {SECTION} is not a list: write one entry per line, with a dash in front."
            )
        for number, entry in enumerate(entries, start=1):
            fault = fault_of(entry)
            if fault:
                raise FirmError(f"{self.identity_rules}, entry {number} of {SECTION}: {fault}.")
        return patterns_by_kind(placeholders_of([*neutral_placeholders(), *entries]))

    @property
    def identity_rules(self) -> Path:
        """The firm's own rules for linking records; may be absent."""
        return self.path / "identity_rules.yml"


def canonical_streams() -> list[str]:
    """The names of the canonical streams: the unions of the package that a staging folder can contribute to."""
    models = DBT_PACKAGE / "models" / "intermediate" / "_models.yml"
    return sorted(_CANONICAL_STREAM.findall(models.read_text(encoding="utf-8")))


def _unknown_stream(stream: str, file: str, known: list[str]) -> str:
    nearest = get_close_matches(stream, known, n=1, cutoff=0.5)
    meant = f"rename it to {file.replace(f'__{stream}.sql', f'__{nearest[0]}.sql')}" if nearest else "rename it"
    return (
        f"{file}: there is no canonical stream '{stream}', so nothing would read it: {meant}. "
        f"The streams are {', '.join(known)}."
    )


def firm_folder(catalog_file: Path, project: str | None) -> FirmFolder:
    """The folder with the dbt project that interprets the systems of a catalog.

    project: what the catalog says under `project`: a folder relative to the catalog, or the name of an example; None
    means the catalog's own folder. Raises FirmError if there is no dbt project.
    """
    beside = (catalog_file.parent / Path(project or ".").expanduser()).resolve()
    example = EXAMPLES / (project or "")
    if (beside / DBT_PROJECT_FILE).is_file():
        return FirmFolder(beside)
    if project and (example / DBT_PROJECT_FILE).is_file():
        return FirmFolder(example)
    if project:
        raise FirmError(
            f"{catalog_file.name}: project: there is no dbt project '{project}': write the path of a folder with a "
            f"{DBT_PROJECT_FILE}, relative to the catalog."
        )
    raise FirmError(
        f"{catalog_file} has no {DBT_PROJECT_FILE} beside it: make a folder for the firm with `context360 init FOLDER` "
        "and move the catalog there, or name the folder with `project:` in the catalog."
    )
