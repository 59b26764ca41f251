"""Tokens of programs: a random secret each, of which only the hash is kept."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock

from orchestration.live.state_files import LiveError, WatchedFile, private_folder, read_private, write_private
from orchestration.serving.profile_access import role_names

FILE = "tokens.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_TOKEN = re.compile(r"c360_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")


@dataclass(frozen=True)
class Caller:
    """Who calls: `token:NAME` or `user:NAME`, and the role."""

    name: str
    role: str


def checked_name(name: str) -> str:
    """The name. Raises LiveError where it is none for a token or an account."""
    if _NAME.fullmatch(name) is None:
        raise LiveError("A name has letters, digits, dots, dashes and underscores, at most 64, as in check-out.")
    return name


def checked_role(role: str) -> str:
    """The role. Raises LiveError where there is no such role."""
    if role not in role_names():
        raise LiveError(f"There is no role '{role}': choose one of {', '.join(role_names())}.")
    return role


def add_token(live: Path, name: str, role: str) -> str:
    """Makes a token and returns it: it is shown once. Raises LiveError where the name is taken or cannot be used."""
    checked_name(name), checked_role(role)
    key, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    with accounts_lock(live):
        tokens = read_private(live / FILE, {})
        if any(token["name"] == name and token["disabled_at"] is None for token in tokens.values()):
            raise LiveError(f"There is a token {name} already: disable it, or choose another name.")
        tokens[key] = {
            "name": name, "role": role, "sha256": _hash(secret), "created_at": now_text(), "disabled_at": None,
        }  # fmt: skip
        write_private(live / FILE, tokens)
    return f"c360_{key}_{secret}"


def disable_token(live: Path, name: str) -> None:
    """Ends a token at once. Raises LiveError where no active one has the name."""
    with accounts_lock(live):
        tokens = read_private(live / FILE, {})
        active = [token for token in tokens.values() if token["name"] == name and token["disabled_at"] is None]
        if not active:
            raise LiveError(f"There is no active token {name}: see `context360 tokens list`.")
        for token in active:
            token["disabled_at"] = now_text()
        write_private(live / FILE, tokens)


def list_tokens(live: Path) -> list[dict[str, Any]]:
    """All tokens, oldest first, without their hashes."""
    found = read_private(live / FILE, {}).values()
    return [{name: value for name, value in token.items() if name != "sha256"} for token in found]


class Tokens:
    """The tokens that are valid now; one that is disabled ends at once."""

    def __init__(self, live: Path) -> None:
        self._file = WatchedFile(live / FILE, {})

    def caller(self, text: str) -> Caller | None:
        """Who holds this token, or None."""
        match = _TOKEN.fullmatch(text)
        if match is None:
            return None
        token: Mapping[str, Any] | None = self._file().get(match[1])
        if token is None or token["disabled_at"] is not None:
            return None
        # Of 256 random bits a fast hash is enough.
        is_same = hmac.compare_digest(token["sha256"], _hash(match[2]))
        return Caller(f"token:{token['name']}", token["role"]) if is_same else None


def now_text() -> str:
    """The clock, for the record (UTC)."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def accounts_lock(live: Path) -> FileLock:
    """Held while tokens or accounts change."""
    return FileLock(private_folder(live) / ".accounts.lock", timeout=10, mode=0o600)
