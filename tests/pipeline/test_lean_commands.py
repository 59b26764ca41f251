"""Commands that only look something up start at once: nothing of what computes, plans or checks is imported."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pipeline.installation import REPOSITORY, Installation, environment

HEAVY = (
    "altair", "dagster", "dagster_dbt", "dbt", "dlt", "great_expectations", "numpy", "pandas", "pyarrow", "scipy",
    "sklearn", "splink", "sqlalchemy",
)  # fmt: skip
# Runs the command, then names on the last line what it has imported.
PROGRAM = """
import sys
from orchestration.cli import app
try:
    app(sys.argv[2:])
finally:
    print([name for name in sys.argv[1].split(',') if sys.modules.get(name)])
"""


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["--help"], "first-look"),
        (["who", "--help"], "--as-of"),
        (["who", "C-1"], "Relationship"),
        (["who", "nobody@example.test"], "No customer matches"),
        (["status"], "Streams"),
    ],
    ids=["help", "help of who", "who by number", "who by e-mail", "status"],
)
def test_looking_something_up_imports_nothing_heavy(
    good_company: Installation, arguments: list[str], shown: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, ",".join(HEAVY), *arguments],
        capture_output=True, text=True, cwd=REPOSITORY, check=False,
        env=environment(good_company.variables)
        | {"CONTEXT360_HOME": str(good_company.home), "CONTEXT360_CATALOG": good_company.catalog_argument},
    )  # fmt: skip
    *lines, imported = done.stdout.splitlines()
    assert shown in "\n".join(lines), done.stderr
    assert imported == "[]"
