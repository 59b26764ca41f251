"""Programs that run during a run: a tunnel to a database, a proxy, a stand-in for an API."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from orchestration.channels.catalog import Service

_SECONDS_TO_START = 30
_SECONDS_TO_STOP = 5


class ServiceError(Exception):
    """A service of the catalog does not run; the message names the service and the remedy."""


@contextmanager
def running_services(services: Mapping[str, Service], *, catalog_folder: Path, project_folder: Path) -> Iterator[None]:
    """Starts the services, waits until each listens on its port, and stops them when the block is left.

    In a command, `{catalog}` and `{project}` stand for the two folders, and `python` for this interpreter. Raises
    ServiceError if a port is taken, or a service ends or does not listen within 30 seconds.
    """
    folders = {"catalog": str(catalog_folder), "project": str(project_folder)}
    with ExitStack() as stack:
        for name, service in services.items():
            if _listens(service.port):
                raise ServiceError(
                    f"Service {name} cannot start because port {service.port} is taken: end the program that uses the "
                    "port, or change the port in the catalog."
                )
            command = [part.format_map(folders) for part in service.command]
            stack.enter_context(_started(name, command, service.port, catalog_folder))
        yield


@contextmanager
def _started(name: str, command: list[str], port: int, folder: Path) -> Iterator[None]:
    program = [sys.executable, *command[1:]] if command[0] == "python" else command
    with tempfile.TemporaryFile("w+") as errors:
        try:
            process = subprocess.Popen(program, cwd=folder, stdout=subprocess.DEVNULL, stderr=errors)  # noqa: S603
        except OSError as error:
            raise ServiceError(
                f"Service {name}: {command[0]} cannot be started ({error.strerror}): correct `command` in the catalog."
            ) from error
        try:
            _wait_until_it_listens(name, process, port, errors)
            yield
        finally:
            process.terminate()
            try:
                process.wait(_SECONDS_TO_STOP)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_it_listens(name: str, process: subprocess.Popen[bytes], port: int, errors: object) -> None:
    give_up = time.monotonic() + _SECONDS_TO_START
    while not _listens(port):
        if process.poll() is not None:
            errors.seek(0)  # type: ignore[attr-defined]
            lines = [line.strip() for line in errors.read().splitlines() if line.strip()]  # type: ignore[attr-defined]
            reason = f": {lines[-1]}" if lines else ""
            raise ServiceError(f"Service {name} ended with code {process.returncode} before it listened{reason}")
        if time.monotonic() > give_up:
            raise ServiceError(
                f"Service {name} does not listen on port {port} after {_SECONDS_TO_START} seconds: correct `command` "
                "or `port` in the catalog."
            )
        time.sleep(0.05)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
