"""Serves the folder of reports on this machine, so that pages of Dagster can link to them."""

from __future__ import annotations

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ADDRESS = "127.0.0.1"


class _Reports(SimpleHTTPRequestHandler):
    """The files of the folder, to browsers of this machine only; no list of files, and no log."""

    def send_head(self) -> Any:
        """Refuses requests under a foreign host name (DNS rebinding)."""
        name = self.headers.get("Host", "").rsplit(":", 1)[0]
        if name not in (ADDRESS, "localhost"):
            self.send_error(403)
            return None
        return super().send_head()

    def list_directory(self, path: Any) -> Any:  # noqa: ARG002
        """Shows nothing: there are links to every report."""
        self.send_error(404)

    def log_message(self, *arguments: Any) -> None:
        """Logs nothing: the terminal is Dagster's."""


def serve_reports(folder: Path, port: int) -> str | None:
    """Serves the folder for as long as this process lives; returns its address, or None where the port is taken.

    port: 0 for any free one. The folder may come to be later.
    """
    try:
        server = ThreadingHTTPServer((ADDRESS, port), partial(_Reports, directory=str(folder)))
    except OSError:
        return None
    threading.Thread(target=server.serve_forever, name="reports", daemon=True).start()
    return f"http://{ADDRESS}:{server.server_address[1]}"
