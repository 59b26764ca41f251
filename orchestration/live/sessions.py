"""Sessions of people who have logged in: in memory, so that a restart ends them all."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from orchestration.live.accounts import Accounts
from orchestration.live.tokens import Caller

IDLE_SECONDS = 30 * 60  # a desk that was left is not used by another
LONGEST_SECONDS = 10 * 60 * 60  # a shift
_MOST = 10_000


@dataclass
class Session:
    """One person in one browser. form_token: what a form of theirs carries, and one from elsewhere does not."""

    caller: Caller
    account: str
    account_stamp: str
    began: float
    seen: float
    form_token: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    def accepts(self, form_token: str) -> bool:
        """Whether a form is one of this session."""
        return hmac.compare_digest(self.form_token.encode(), form_token.encode())


class Sessions:
    """All sessions of one service."""

    def __init__(self, accounts: Accounts, clock: Callable[[], float] = time.monotonic) -> None:
        self._accounts, self._clock = accounts, clock
        self._sessions: dict[str, Session] = {}

    def begin(self, caller: Caller, account: str) -> str:
        """A new session, always under a new secret; returns it, for a cookie."""
        stamp = self._accounts.stamp(account)
        assert stamp is not None
        now = self._clock()
        for key in [key for key, session in self._sessions.items() if self._has_ended(session, now)]:
            del self._sessions[key]
        if len(self._sessions) >= _MOST:
            del self._sessions[min(self._sessions, key=lambda key: self._sessions[key].seen)]
        secret = secrets.token_urlsafe(32)
        self._sessions[_hash(secret)] = Session(caller, account, stamp, now, now)
        return secret

    def find(self, secret: str | None) -> Session | None:
        """The session of a cookie, unless it has ended or its account is disabled."""
        session = self._sessions.get(_hash(secret)) if secret else None
        if session is None:
            return None
        now = self._clock()
        if self._has_ended(session, now):
            self.end(secret)
            return None
        session.seen = now
        return session

    def end(self, secret: str | None) -> None:
        """Ends a session."""
        if secret:
            self._sessions.pop(_hash(secret), None)

    def _has_ended(self, session: Session, now: float) -> bool:
        return (
            now - session.seen > IDLE_SECONDS
            or now - session.began > LONGEST_SECONDS
            or self._accounts.stamp(session.account) != session.account_stamp
        )


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
