"""Every SQL and Python block of README and docs runs on what is published. test_ten_questions asks more of its page."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from documents.pages import Block, blocks, queries


@pytest.mark.parametrize("block", queries(), ids=lambda block: block.place)
def test_query_of_a_document_runs(company, block: Block) -> None:
    published = company.installation.home / "serving" / "context360.duckdb"
    with duckdb.connect(str(published), read_only=True) as connection:
        connection.execute(block.text)


@pytest.mark.parametrize("block", blocks("python"), ids=lambda block: block.place)
def test_python_of_a_document_runs_beside_the_state_folder(company, tmp_path: Path, block: Block) -> None:
    (tmp_path / ".context360").symlink_to(company.installation.home, target_is_directory=True)
    command = [sys.executable, "-c", block.text]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
