"""The chat provider as a program: `python chat_service.py SOURCES --port PORT --token TOKEN`, until it is stopped."""

from __future__ import annotations

import argparse
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))  # started by its path, from any folder

from examples.veloheld.generator.api_server import chat_server  # noqa: E402


def main() -> None:
    """Serves the messages of one company."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sources", type=Path)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--token", required=True)
    asked = parser.parse_args()
    with chat_server(asked.sources, token=asked.token, port=asked.port):
        threading.Event().wait()


if __name__ == "__main__":
    main()
