"""A home as a run leaves it, with a live service in this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import httpx
import pytest
from golden import copy_tree
from live.published import write_published
from starlette.testclient import TestClient

from orchestration.firm.state import bring_up_to_date
from orchestration.live.application import make_application
from orchestration.live.event_routes import EventSource
from orchestration.live.service import Service, open_service
from orchestration.live.tokens import add_token
from orchestration.serving.profile_access import role_names
from orchestration.serving.profile_store import write_profiles
from orchestration.settings import Settings


@pytest.fixture(scope="session")
def published_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a published warehouse of four customers and its keyed store. Not to be changed: copy it."""
    home = tmp_path_factory.mktemp("published") / "home"
    bring_up_to_date(home)
    published = home / "serving" / "context360.duckdb"
    published.parent.mkdir()
    write_published(published)
    with duckdb.connect(str(published), read_only=True) as connection:
        write_profiles(connection, home / "serving" / "profiles.lmdb")
    return home


WRITE_KEY, SECRET = "site-write-key-0001", "webhook-secret-0001"
SOURCES = [
    EventSource(
        "site", WRITE_KEY, SECRET, "X-Signature-256", ("https://shop.example",),
        {kind: kind for kind in ("identify", "track", "page", "screen", "group")}, frozenset({"orders"}),
    )
]  # fmt: skip


@dataclass
class Live:
    """A service in this process, with a token per role."""

    settings: Settings
    service: Service
    client: TestClient
    tokens: dict[str, str]

    def as_role(self, role: str) -> dict[str, str]:
        """Headers with the token of a role."""
        return {"Authorization": f"Bearer {self.tokens[role]}"}

    def get(self, path: str, role: str = "agent") -> httpx.Response:
        """The answer to a caller with this role."""
        return self.client.get(path, headers=self.as_role(role))


@contextmanager
def open_live(published_home: Path, home: Path) -> Iterator[Live]:
    """A service on a copy of a home."""
    copy_tree(published_home, home)
    settings = Settings(home, home / "catalog.yaml", str(home / "landing"))
    tokens = {role: add_token(settings.live_path, role, role) for role in role_names()}
    service = open_service(settings, SOURCES)
    yield Live(settings, service, TestClient(make_application(service), raise_server_exceptions=False), tokens)
    service.close()


@pytest.fixture
def live(published_home: Path, tmp_path: Path) -> Iterator[Live]:
    """A service of its own for each test."""
    with open_live(published_home, tmp_path / "home") as opened:
        yield opened
