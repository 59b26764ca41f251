"""Services of a catalog: programs that run while a run does."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from orchestration.channels.catalog import Service
from orchestration.channels.services import ServiceError, running_services

LISTEN = "import socket, sys, time; s = socket.create_server(('127.0.0.1', int(sys.argv[1]))); time.sleep(60)"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def run(command: list[str], port: int, folder: Path):
    service = Service(command=tuple(command), port=port)
    return running_services({"tunnel": service}, catalog_folder=folder, project_folder=folder)


def test_service_listens_inside_the_block_and_stops_after_it(tmp_path: Path) -> None:
    port = free_port()
    with run(["python", "-c", LISTEN, str(port)], port, tmp_path):
        assert listens(port)
    assert not listens(port)


def test_service_stops_when_the_run_fails(tmp_path: Path) -> None:
    port = free_port()
    with pytest.raises(KeyError), run(["python", "-c", LISTEN, str(port)], port, tmp_path):
        raise KeyError
    assert not listens(port)


def test_command_may_name_the_folders_of_catalog_and_project(tmp_path: Path) -> None:
    (tmp_path / "listen.py").write_text(LISTEN)
    port = free_port()
    with run(["python", "{project}/listen.py", str(port)], port, tmp_path):
        assert listens(port)


def test_taken_port_is_reported_with_the_remedy(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ServiceError, match=f"port {port} is taken: end the program"), run(["true"], port, tmp_path):
            pass


def test_service_that_ends_is_reported_with_its_last_line(tmp_path: Path) -> None:
    failing = ["python", "-c", "raise SystemExit('no such database')"]
    message = "tunnel ended with code 1 before it listened: no such database"
    with pytest.raises(ServiceError, match=message), run(failing, free_port(), tmp_path):
        pass


def test_program_that_does_not_exist_is_reported(tmp_path: Path) -> None:
    with (
        pytest.raises(ServiceError, match="no-such-program cannot be started"),
        run(["no-such-program"], free_port(), tmp_path),
    ):
        pass


def test_catalog_without_services_starts_nothing(tmp_path: Path) -> None:
    with running_services({}, catalog_folder=tmp_path, project_folder=tmp_path):
        pass
