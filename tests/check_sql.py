"""Type-checks and lints all SQL: builds every model of every example on empty landing, and lints both sides.

An empty build makes the engine bind every column and function and hold every contract against the real types. sqlfluff
judges the source templates. With `--compiled`, it also judges the compiled SQL, and with it what macros have written.
Run by `make check` and, with `--compiled`, by `make check-all`.
"""

from __future__ import annotations

import configparser
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from empty_warehouse import empty_home

from orchestration.settings import DBT_PACKAGE, EXAMPLES, example_names
from orchestration.warehouse.dbt import NodeResult

CONFIGURATION = DBT_PACKAGE.parent / ".sqlfluff"


# A longer text says the same once for every source system, or repeats ephemeral models that other texts hold.
LONGEST = 40_000  # characters


def main(*, with_compiled: bool) -> int:
    faults = 0
    texts: dict[tuple[str, str], dict[int, Path]] = {}
    for example in example_names():
        home, results = empty_home(example)
        faults += report(example, results)
        for file in compiled_models(home, results):
            owner = file.relative_to(home / "dbt" / "target" / "compiled").parts[0]  # the package, or the firm
            texts.setdefault((owner, file.stem), {})[file.stat().st_size] = file
    if with_compiled:
        faults += lint_compiled([telling(sizes) for sizes in texts.values()])
    faults += lint_templates()
    return 1 if faults else 0


def telling(sizes: dict[int, Path]) -> Path:
    """Of the texts that one model has in several catalogs, by size: the longest that is not too long, or the shortest.

    Macros write a model alike for every catalog: one of its texts stands for all.
    """
    return sizes[max((size for size in sizes if size <= LONGEST), default=min(sizes))]


def report(catalog: str, results: list[NodeResult]) -> int:
    """Prints each fault of the build and returns how many there are."""
    faults = [result for result in results if result.status not in ("success", "pass")]
    for fault in faults:
        print(f"{catalog}: {fault.name}: {fault.status} {fault.message or ''}")
    print(f"{catalog}: {len([r for r in results if not r.is_test])} models bound, {len(faults)} faults")
    return len(faults)


def compiled_models(home: Path, results: list[NodeResult]) -> list[Path]:
    """The compiled SQL of the models that were built."""
    models = {result.name for result in results if result.unique_id.startswith("model.")}
    return [
        path for path in (home / "dbt" / "target" / "compiled").rglob("*.sql")
        if path.stem in models and "data_tests" not in path.parts
    ]  # fmt: skip


def lint_templates() -> int:
    """sqlfluff on the source templates, as people read them."""
    return _sqlfluff(DBT_PACKAGE / "models", *(EXAMPLES / name / "models" for name in example_names()))


def lint_compiled(files: list[Path]) -> int:
    """sqlfluff on the compiled SQL, as engines read it; its layout follows from the macros and is not judged."""
    return _sqlfluff(*files, options=["--templater", "raw", "--exclude-rules", f"layout,{_excluded_rules()}"])


def _excluded_rules() -> str:
    """What .sqlfluff excludes: the option of the command line would replace it."""
    settings = configparser.ConfigParser()
    settings.read(CONFIGURATION)
    return settings["sqlfluff"]["exclude_rules"]


def _sqlfluff(*paths: Path, options: Sequence[str] = ()) -> int:
    common = ["--config", str(CONFIGURATION), "--disable-progress-bar", "--processes", "0"]  # 0: every core
    return subprocess.call([sys.executable, "-m", "sqlfluff", "lint", *common, *options, *map(str, paths)])


if __name__ == "__main__":
    sys.exit(main(with_compiled="--compiled" in sys.argv[1:]))
