"""Accounts of people: a name, a role and a password, of which only the hash is kept (argon2id)."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from orchestration.live.state_files import LiveError, WatchedFile, read_private, write_private
from orchestration.live.tokens import Caller, accounts_lock, checked_name, checked_role, now_text

FILE = "users.json"
# What NIST SP 800-63B asks of a password without a second factor; it asks for no rules about letters.
SHORTEST_PASSWORD = 15
LONGEST_PASSWORD = 256  # hashing takes longer for a longer one
_HASHER = PasswordHasher()


@lru_cache
def _of_no_account() -> str:
    """Checked where no account has the name, so that the time does not say whether one does."""
    return _HASHER.hash("no account has this password")


def add_account(live: Path, name: str, role: str, password: str) -> None:
    """Makes an account. Raises LiveError where the name is taken, or the password is too short."""
    checked_name(name), checked_role(role)
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise LiveError(
            f"A password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters: four words are long enough."
        )
    with accounts_lock(live):
        accounts = read_private(live / FILE, {})
        if name in accounts and accounts[name]["disabled_at"] is None:
            raise LiveError(f"There is an account {name} already: disable it, or choose another name.")
        accounts[name] = {
            "name": name, "role": role, "hash": _HASHER.hash(password), "created_at": now_text(), "disabled_at": None,
        }  # fmt: skip
        write_private(live / FILE, accounts)


def disable_account(live: Path, name: str) -> None:
    """Ends an account and its sessions at once. Raises LiveError where no active one has the name."""
    with accounts_lock(live):
        accounts = read_private(live / FILE, {})
        if name not in accounts or accounts[name]["disabled_at"] is not None:
            raise LiveError(f"There is no active account {name}: see `context360 users list`.")
        accounts[name]["disabled_at"] = now_text()
        write_private(live / FILE, accounts)


def list_accounts(live: Path) -> list[dict[str, Any]]:
    """All accounts by name, without their hashes."""
    found = read_private(live / FILE, {})
    return [{field: value for field, value in found[name].items() if field != "hash"} for name in sorted(found)]


class Accounts:
    """The accounts that are valid now."""

    def __init__(self, live: Path) -> None:
        self._file = WatchedFile(live / FILE, {})

    def _active(self, name: str) -> dict[str, Any] | None:
        found = self._file().get(name)
        return found if found is not None and found["disabled_at"] is None else None

    def stamp(self, name: str) -> str | None:
        """When the active account was made: a session of an earlier account of this name is none of it."""
        found = self._active(name)
        return found["created_at"] if found else None

    def caller(self, name: str, password: str) -> Caller | None:
        """Who logs in, or None. Takes as long for a name that does not exist."""
        found = self._active(name)
        try:
            _HASHER.verify(found["hash"] if found else _of_no_account(), password[:LONGEST_PASSWORD])
        except (Argon2Error, InvalidHashError):
            return None
        return Caller(f"user:{name}", found["role"]) if found else None
