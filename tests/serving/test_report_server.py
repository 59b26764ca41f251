"""The server of the folder of reports: its files, and nothing beside them."""

from __future__ import annotations

import http.client
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from orchestration.serving.report_server import serve_reports


@pytest.mark.parametrize(
    ("path", "host", "status"),
    [
        ("/data_docs/index.html", "127.0.0.1", 200),
        ("/data_docs/index.html", "localhost:3001", 200),
        ("/data_docs/index.html", "attacker.example", 403),  # a foreign host name
        ("/data_docs/", "127.0.0.1", 200),
        ("/", "127.0.0.1", 404),  # no list of files
        ("/../state.yaml", "127.0.0.1", 404),
        ("/%2e%2e/state.yaml", "127.0.0.1", 404),
    ],
)
def test_only_reports_are_served(tmp_path: Path, path: str, host: str, status: int) -> None:
    (tmp_path / "state.yaml").write_text("secret")
    (tmp_path / "reports" / "data_docs").mkdir(parents=True)
    (tmp_path / "reports" / "data_docs" / "index.html").write_text("all hold")
    address = urlsplit(serve_reports(tmp_path / "reports", 0) or "")
    connection = http.client.HTTPConnection(address.hostname or "", address.port)
    connection.request("GET", path, headers={"Host": host})
    assert connection.getresponse().status == status


def test_taken_port_leaves_reports_unserved(tmp_path: Path) -> None:
    address = serve_reports(tmp_path, 0)
    assert address and serve_reports(tmp_path, int(address.rsplit(":", 1)[1])) is None
