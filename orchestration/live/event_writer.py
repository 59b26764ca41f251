"""Writing events to their log, so that an answered event survives a crash, and a repeated one is written once.

All events that arrive while one write is under way are written by the next: one write and one sync per stream, however
many senders wait (group commit).
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

from orchestration.channels.event_log import segments, stream_log, whole_lines
from orchestration.live.problems import Problem, unavailable
from orchestration.live.state_files import private_folder

# Messages that are recognised when they come again: two hours at 150 a second, 70 MB. Older repeats are found by the
# key of their stream when they land.
_REMEMBERED = 1_000_000
_WAITING_BYTES = 32_000_000  # accepted and not yet on disk; what comes above that is sent away
_SEGMENT_BYTES = 256_000_000  # as much as is read again after a damage
_ID_START = b'{"message_id":"'


@dataclass(frozen=True)
class Event:
    """One event: its stream, the message that identifies it, and its line."""

    system: str
    stream: str
    message_id: str
    line: bytes

    @property
    def digest(self) -> int:
        """The message within its system, in 64 bits."""
        return _digest(self.system, self.message_id.encode())


@dataclass
class _Segment:
    """An open file of a stream. size: bytes that are on disk."""

    descriptor: int
    path: Path
    day: date
    size: int = 0


@dataclass
class _Waiting:
    """Events that are written together, and who waits for it."""

    events: list[Event] = field(default_factory=list)
    done: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class EventWriter:
    """The log of one home, open for writing. One per home: the service holds its lock."""

    def __init__(self, log: Path, streams: list[tuple[str, str]]) -> None:
        """streams: (system, stream) that receive events. Raises LiveError where the folders cannot be written."""
        self._log = private_folder(log)
        self._known: OrderedDict[int, None] = OrderedDict()
        self._segments: dict[tuple[str, str], _Segment] = {}
        self._pending: dict[int, asyncio.Future[None]] = {}
        self._next: _Waiting | None = None
        self._bytes = 0
        self._task: asyncio.Task[None] | None = None
        for system, stream in streams:
            private_folder(stream_log(log, system, stream).parent)
            private_folder(stream_log(log, system, stream))
        self._remember(streams)

    async def write(self, events: list[Event]) -> int:
        """Returns once all events are on disk: how many are new. Raises Problem 503 where they are not."""
        size = sum(len(event.line) for event in events)
        if self._bytes + size > _WAITING_BYTES:
            raise unavailable("More events arrive than can be written: send them again later.", 2)
        if self._next is None:
            self._next = _Waiting()
        mine, waits, new = self._next, set(), 0
        for event in events:
            digest = event.digest
            if digest in self._known:
                continue
            if (pending := self._pending.get(digest)) is not None:
                waits.add(pending)
                continue
            self._pending[digest] = mine.done
            mine.events.append(event)
            waits.add(mine.done)
            self._bytes += len(event.line)
            new += 1
        if waits and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._commit())
        for waiting in waits:
            await asyncio.shield(waiting)
        return new

    async def _commit(self) -> None:
        """Writes what waits, until nothing does."""
        while self._next is not None and self._next.events:
            group, self._next = self._next, None
            error: Problem | None = None
            try:
                await asyncio.to_thread(self._write, group.events)
            except OSError:
                error = unavailable("Events cannot be written: free space on the disk.", 30)
            for event in group.events:
                self._pending.pop(event.digest, None)
                self._bytes -= len(event.line)
                if error is None:
                    self._note(event.digest)
            if error is None:
                group.done.set_result(None)
            else:
                group.done.set_exception(error)
                group.done.exception()  # a sender may have gone away: nothing else asks

    def _write(self, events: list[Event]) -> None:
        """One write and one sync per stream. Raises OSError, and then nothing of the group is left behind."""
        groups: dict[tuple[str, str], list[bytes]] = {}
        for event in events:
            groups.setdefault((event.system, event.stream), []).append(event.line)
        touched: list[tuple[tuple[str, str], int]] = []
        try:
            for stream, lines in groups.items():
                segment, content = self._segment(stream), b"".join(lines)
                touched.append((stream, segment.size))
                view = memoryview(content)
                while view:
                    view = view[os.write(segment.descriptor, view) :]
                os.fdatasync(segment.descriptor)
                segment.size += len(content)
        except OSError:
            for stream, size in touched:
                self._give_up(stream, size)
            raise

    def _segment(self, stream: tuple[str, str]) -> _Segment:
        """The open segment of a stream: a new one each day, and where the last is full."""
        today = datetime.now(UTC).date()
        segment = self._segments.get(stream)
        if segment is not None and segment.day == today and segment.size < _SEGMENT_BYTES:
            return segment
        if segment is not None:
            os.close(segment.descriptor)
        folder = stream_log(self._log, *stream)
        path = folder / f"{datetime.now(UTC):%Y-%m-%dT%H%M%S.%f}-{os.getpid()}.jsonl"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        _sync_folder(folder)
        self._segments[stream] = _Segment(descriptor, path, today)
        return self._segments[stream]

    def _give_up(self, stream: tuple[str, str], size: int) -> None:
        """Cuts a segment back to what was answered, and leaves it: after a failed sync its state is unknown."""
        segment = self._segments.pop(stream)
        with contextlib.suppress(OSError):
            os.ftruncate(segment.descriptor, size)
            os.fdatasync(segment.descriptor)
        os.close(segment.descriptor)

    def _note(self, digest: int) -> None:
        self._known[digest] = None
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)

    def _remember(self, streams: list[tuple[str, str]]) -> None:
        """Recognises the messages of the newest segments, so that a restart does not forget them."""
        found = [
            (segment.name, system, segment)
            for system, stream in streams
            for segment in segments(stream_log(self._log, system, stream))
        ]
        digests: list[list[int]] = []
        count = 0
        for _, system, segment in sorted(found, key=lambda entry: entry[0], reverse=True):
            if count >= _REMEMBERED:
                break
            digests.append([
                _digest(system, line[len(_ID_START) : line.index(b'"', len(_ID_START))])
                for line in whole_lines(segment, 0)
                if line.startswith(_ID_START)
            ])  # fmt: skip
            count += len(digests[-1])
        for of_segment in reversed(digests):
            for digest in of_segment:
                self._note(digest)

    def close(self) -> None:
        """Closes the segments."""
        for segment in self._segments.values():
            os.close(segment.descriptor)
        self._segments.clear()


def _digest(system: str, message_id: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(system.encode() + b"|" + message_id, digest_size=8).digest(), "big")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
