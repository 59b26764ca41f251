"""The command itself, with the clients that people use, and with `kill -9`.

CONTEXT360_KILLS: how often it is killed (3; `make kill-trial` 50). CONTEXT360_NODE_MODULES: a folder with
@segment/analytics-node.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestration.firm.state import bring_up_to_date

WRITE_KEY = "site-write-key-0001"
CATALOG = f"""\
catalog: little
systems:
  site:
    connector: events
    write_key: {WRITE_KEY}
    streams:
      identify: {{message: identify}}
      track: {{message: track}}
      page: {{message: page}}
"""
_NODE = """
const { Analytics } = require('@segment/analytics-node');
const analytics = new Analytics({ writeKey: process.argv[1], host: process.argv[2], flushAt: 2 });
analytics.on('error', (error) => { console.error(error); process.exitCode = 1; });
analytics.identify({ userId: 'u1', traits: { email: 'anna@example.org' } });
analytics.track({ userId: 'u1', event: 'Order Completed', properties: { total: 9.5 } });
analytics.closeAndFlush();
"""


class Command:
    """`context360 serve` as a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self._catalog = folder / "catalog.yaml"
        self._catalog.write_text(CATALOG)
        bring_up_to_date(self.home)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it, and returns once it answers."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "orchestration.cli", "serve", "--home", self.home, "--catalog", self._catalog,
             "--port", str(self.port)],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        for _ in range(600):
            with socket.socket() as asked:
                if asked.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            assert self.process.poll() is None, "the service has ended"
            time.sleep(0.05)
        raise TimeoutError("the service does not answer")

    def kill(self) -> None:
        """kill -9."""
        assert self.process
        self.process.kill()
        self.process.wait()

    def logged(self, stream: str) -> list[dict]:
        """The whole lines of a stream's log."""
        folder = self.home / "live" / "events" / "site" / stream
        return [
            json.loads(line)
            for file in sorted(folder.glob("*.jsonl"))
            for line in file.read_bytes().splitlines(keepends=True)
            if line.endswith(b"\n")
        ]


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    """A running service."""
    found = Command(tmp_path_factory.mktemp("served"))
    found.start()
    yield found
    found.kill()


def _kept(command: Command, user: str) -> list[tuple[str, str, object]]:
    return [
        (stream, event["user_id"], event.get("event") or event.get("traits"))
        for stream in ("identify", "track")
        for event in command.logged(stream)
        if event["user_id"] == user
    ]


def test_segment_client_of_python_is_understood(command: Command) -> None:
    from segment.analytics.client import Client

    errors: list[Exception] = []
    client = Client(
        WRITE_KEY, host=f"http://127.0.0.1:{command.port}", gzip=True, on_error=lambda error, _: errors.append(error)
    )
    client.identify("segment", {"email": "anna@example.org"})
    client.track("segment", "Order Completed", {"total": 9.5})
    client.shutdown()
    assert errors == []
    assert _kept(command, "segment") == [
        ("identify", "segment", {"email": "anna@example.org"}), ("track", "segment", "Order Completed"),
    ]  # fmt: skip


def test_rudderstack_client_of_python_is_understood(command: Command) -> None:
    from rudderstack.analytics.client import Client

    errors: list[Exception] = []
    client = Client(
        WRITE_KEY, host=f"http://127.0.0.1:{command.port}", gzip=True, on_error=lambda error, _: errors.append(error)
    )
    client.identify("rudder", {"email": "anna@example.org"})
    client.track("rudder", "Order Completed", {"total": 9.5})
    client.flush()
    client.join()
    assert errors == []
    assert _kept(command, "rudder") == [
        ("identify", "rudder", {"email": "anna@example.org"}), ("track", "rudder", "Order Completed"),
    ]  # fmt: skip


def test_segment_client_of_node_is_understood(command: Command, tmp_path: Path) -> None:
    modules = os.environ.get("CONTEXT360_NODE_MODULES")
    if shutil.which("node") is None or modules is None:
        pytest.skip("needs node, and CONTEXT360_NODE_MODULES with @segment/analytics-node")
    done = subprocess.run(
        ["node", "-e", _NODE, WRITE_KEY, f"http://127.0.0.1:{command.port}"],
        env={**os.environ, "NODE_PATH": modules}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert len(_kept(command, "u1")) == 2


def test_second_service_of_a_home_is_refused(command: Command) -> None:
    other = subprocess.run(
        [sys.executable, "-m", "orchestration.cli", "serve", "--home", command.home, "--port", "1025", "--catalog",
         command.home.parent / "catalog.yaml"],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert other.returncode == 2 and "has a service already" in other.stdout


class _Sender(threading.Thread):
    """Sends events of its own one after the other, and notes those that were answered 200. It starts again where the
    last answer is missing."""

    def __init__(self, name: str, port: int, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self._name, self._port, self._stop_event = name, port, stop
        self.answered: list[str] = []

    def run(self) -> None:
        """Sends until it is asked to stop."""
        key = base64.b64encode(f"{WRITE_KEY}:".encode()).decode()
        headers = {"Authorization": f"Basic {key}", "Content-Type": "application/json"}
        number = 0
        while not self._stop_event.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
            try:
                while not self._stop_event.is_set():
                    identity = f"{self._name}-{number}"
                    body = json.dumps({"userId": "u", "event": "E", "messageId": identity})
                    connection.request("POST", "/v1/track", body, headers)
                    answer = connection.getresponse()
                    answer.read()
                    if answer.status == 200:
                        self.answered.append(identity)
                        number += 1
            except (OSError, http.client.HTTPException):
                time.sleep(0.02)
            finally:
                connection.close()


def test_nothing_answered_is_lost_or_doubled_when_the_service_is_killed(tmp_path: Path) -> None:
    command, draw, stop = Command(tmp_path), random.Random(360), threading.Event()
    senders = [_Sender(f"s{number}", command.port, stop) for number in range(4)]
    for sender in senders:
        sender.start()
    for _ in range(int(os.environ.get("CONTEXT360_KILLS", "3"))):
        command.start()
        time.sleep(draw.uniform(0.05, 0.5))
        command.kill()
    command.start()
    time.sleep(0.3)
    stop.set()
    for sender in senders:
        sender.join()
    command.kill()
    kept = Counter(event["message_id"] for event in command.logged("track"))
    answered = [identity for sender in senders for identity in sender.answered]
    assert len(answered) > 20
    assert set(answered) <= set(kept)
    assert set(kept.values()) == {1}
