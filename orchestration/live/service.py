"""What one running service holds open, and who a request comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from fastapi import Request

from orchestration.live.access_log import AccessLog
from orchestration.live.accounts import Accounts
from orchestration.live.event_routes import EventIntake, EventSource
from orchestration.live.event_writer import EventWriter
from orchestration.live.guard import FailedAttempts
from orchestration.live.problems import Problem, forbidden, not_authenticated, unavailable
from orchestration.live.sessions import Sessions
from orchestration.live.tokens import Caller, Tokens
from orchestration.serving.profile_store import CurrentStore, ProfileStore
from orchestration.settings import Settings

# Where decisions wait if the catalog has no stream for them yet: a system and a stream of this name take them in.
DECISIONS = "decisions"


@dataclass
class Service:
    """One home's open files. Close it at the end.

    decisions: the system and stream that take what it decides. fixed_as_of: of a closed data set, instead of the clock.
    """

    settings: Settings
    profiles: CurrentStore
    tokens: Tokens
    log: AccessLog
    intake: EventIntake
    accounts: Accounts
    sessions: Sessions
    decisions: tuple[str, str]
    fixed_as_of: datetime | None
    # Ten wrong tokens a minute: a program with a stale one notices, a guesser gets nowhere.
    wrong_tokens: FailedAttempts = field(default_factory=lambda: FailedAttempts(10, 60))

    def store(self) -> ProfileStore:
        """The newest publication. Raises Problem 503 where there is none."""
        try:
            return self.profiles()
        except FileNotFoundError:
            raise unavailable("Nothing has been published yet: start `context360 run`.", 60) from None
        except ValueError:
            raise unavailable("The published profiles are damaged: start `context360 run`.", 60) from None

    def close(self) -> None:
        """Forces the log to disk and closes it."""
        self.intake.writer.close()
        self.log.close()


def open_service(
    settings: Settings, sources: Sequence[EventSource] = (), fixed_as_of: datetime | None = None
) -> Service:
    """Opens the files of a home. Raises LiveError where they cannot be used.

    sources: systems that send events. fixed_as_of: the moment of a closed data set, in place of the clock.
    """
    live = settings.live_path
    log = AccessLog(live)
    streams = [
        (source.name, stream) for source in sources for stream in (*source.streams.values(), *sorted(source.webhooks))
    ]
    decided = next(((source.name, source.decisions) for source in sources if source.decisions), (DECISIONS, DECISIONS))
    intake = EventIntake(sources, EventWriter(settings.event_log_path, [*streams, decided]))
    accounts = Accounts(live)
    return Service(
        settings,
        CurrentStore(settings.profiles_path),
        Tokens(live),
        log,
        intake,
        accounts,
        Sessions(accounts),
        decided,
        fixed_as_of,
    )


async def service_of(request: Request) -> Service:
    """The service that answers a request."""
    return request.app.state.service


def client_of(request: Request) -> str:
    """The address that a request comes from."""
    return request.client.host if request.client else "unknown"


async def caller_of(request: Request) -> Caller:
    """Who holds the token of a request. Raises Problem 401, or 429 after many wrong ones."""
    service: Service = request.app.state.service
    client = client_of(request)
    service.wrong_tokens.check(client)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    caller = service.tokens.caller(token.strip()) if scheme.lower() == "bearer" else None
    if caller is None:
        if token:
            service.wrong_tokens.count(client)
        raise not_authenticated()
    return caller


async def privacy_caller(request: Request) -> Caller:
    """A caller with the role privacy. Raises Problem 401 or 403."""
    caller = await caller_of(request)
    if caller.role != "privacy":
        raise forbidden("Reading the access log")
    return caller


def noted(service: Service, caller: Caller, route: str, customer: int | None, outcome: str, kind: str) -> None:
    """Writes a look into the access log. Raises Problem 503 where it cannot: then nothing is shown."""
    try:
        service.log.note(caller, route, customer, outcome, by=kind)
    except OSError:
        raise unavailable(
            "The access log cannot be written, and no customer is shown without it: free space on the disk.", 30
        ) from None


__all__ = ["Problem", "Service", "caller_of", "client_of", "noted", "open_service", "privacy_caller", "service_of"]
