"""Starting the service: where it may listen, one process per home, and what `context360 status` shows of it."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import uvicorn
from filelock import FileLock, Timeout

from orchestration.live.application import make_application
from orchestration.live.event_routes import EventSource
from orchestration.live.guard import Address
from orchestration.live.service import Service, open_service
from orchestration.live.state_files import LiveError, private_folder, read_private, write_private
from orchestration.live.tokens import now_text
from orchestration.serving.profile_store import ProfileStore, has_profiles, write_profiles
from orchestration.serving.reading import read_published
from orchestration.settings import Settings

STATE_FILE = "service.json"
_LOCK = "service.lock"
# Requests at the same time; what comes above that is answered 503 at once instead of slowly.
_MOST_CONNECTIONS = 1_000


@dataclass(frozen=True)
class Listening:
    """Where to listen. certificate and key: files of TLS. proxy: the address of a proxy that speaks TLS for us."""

    host: str = "127.0.0.1"
    port: int = 8360
    certificate: Path | None = None
    key: Path | None = None
    proxy: str | None = None

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the address."""
        try:
            return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def address(self) -> Address:
        """How requests name the service. Raises LiveError where it would speak unencrypted to other machines."""
        if (self.certificate is None) != (self.key is None):
            raise LiveError("TLS needs both --certificate and --key: give both, or none.")
        for file in (self.certificate, self.key):
            if file is not None and not file.is_file():
                raise LiveError(f"There is no file {file}: correct --certificate or --key.")
        is_secure = self.certificate is not None or self.proxy is not None
        if not self.is_loopback and not is_secure:
            raise LiveError(
                f"{self.host} can be reached from other machines, and profiles must not travel unencrypted: give "
                "--certificate and --key, or --proxy with the address of a proxy that speaks TLS, or listen on "
                "127.0.0.1."
            )
        named = frozenset({"localhost", "127.0.0.1", "::1", self.host.lower()})
        return Address(frozenset() if is_secure else named, is_secure)

    @property
    def url(self) -> str:
        """The address as a browser takes it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http{'s' if self.certificate else ''}://{host}:{self.port}"


def bring_profiles_up_to_date(settings: Settings) -> bool:
    """Writes the keyed store if the published warehouse is of another run. True where it was written.

    Raises WarehouseError where nothing has been published.
    """
    with read_published(settings.serving_path) as connection:
        row = connection.execute("select run_id from quality.publication").fetchone()
        try:
            store = ProfileStore(settings.profiles_path)
            written = store.run_id
            store.close()
        except (FileNotFoundError, ValueError):
            written = ""
        if (row and row[0] == written) or not has_profiles(connection):
            return False
        write_profiles(connection, settings.profiles_path)
        return True


@contextmanager
def only_service(live: Path) -> Iterator[None]:
    """Holds a home for one service. Raises LiveError where another has it."""
    lock = FileLock(private_folder(live) / _LOCK, mode=0o600)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise LiveError(f"{live.parent} has a service already: stop it first (see `context360 status`).") from None
    try:
        yield
    finally:
        (live / STATE_FILE).unlink(missing_ok=True)
        lock.release()


class _Server(uvicorn.Server):
    """Calls back once it answers."""

    def __init__(self, config: uvicorn.Config, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn does."""
        await super().startup(sockets)
        if self.started:
            self._on_started()


def serve(
    settings: Settings,
    listening: Listening,
    sources: Sequence[EventSource],
    fixed_as_of: datetime | None,
    on_started: Callable[[], None],
) -> None:
    """Answers requests until the process is asked to end. Raises LiveError where it cannot start.

    sources: systems that send events. fixed_as_of: the moment of a closed data set, in place of the clock.
    on_started: called once it answers.
    """
    address = listening.address()
    with only_service(settings.live_path):
        service = open_service(settings, sources, fixed_as_of)
        try:
            state = {"pid": os.getpid(), "address": listening.url, "started_at": now_text()}
            write_private(settings.live_path / STATE_FILE, state)
            server = _Server(_configuration(service, listening, address), on_started)
            with contextlib.suppress(SystemExit):  # how uvicorn ends where it cannot listen
                server.run()
            if not server.started:
                raise LiveError(f"{listening.url} is taken or not of this machine: choose another --host or --port.")
        finally:
            service.close()


def _configuration(service: Service, listening: Listening, address: Address) -> uvicorn.Config:
    return uvicorn.Config(
        make_application(service, address),
        host=listening.host,
        port=listening.port,
        ssl_certfile=listening.certificate,
        ssl_keyfile=listening.key,
        proxy_headers=listening.proxy is not None,
        forwarded_allow_ips=listening.proxy or "",
        access_log=False,  # paths hold identifiers; the access log of ours holds none
        log_level="warning",
        server_header=False,
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=5,
        lifespan="off",
    )


def running_service(settings: Settings) -> dict[str, Any] | None:
    """The service of a home: pid, address and since when; None where none is running."""
    live = settings.live_path
    if not (live / STATE_FILE).exists():
        return None
    lock = FileLock(live / _LOCK, mode=0o600)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return read_private(live / STATE_FILE, None)
    lock.release()
    return None
