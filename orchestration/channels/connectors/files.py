"""Files of a folder or an object store: CSV, JSON lines and Parquet, each also compressed with gzip.

DuckDB reads them as Arrow tables of bounded size, small files many at once. A file that cannot be read as a whole is
left out, reported as a fault and tried again next time; all others land.
"""

from __future__ import annotations

from datetime import date

from orchestration.channels.catalog import FilesSystem, FileStream
from orchestration.channels.connectors import Delivery, Request
from orchestration.channels.connectors._batches import merged, read_ahead
from orchestration.channels.connectors._file_reading import FileReader
from orchestration.channels.connectors._listing import File, file_system_of, matching_files
from orchestration.channels.periods import overlaps


def extract(system: FilesSystem, stream: FileStream, request: Request) -> Delivery:
    """The files of a stream that have not landed.

    request.seen: relative path -> {size, stamp, hash} of landed files. Raises ChannelError if no file can be listed.
    """
    file_system = file_system_of(system, stream)
    files = matching_files(file_system, system, stream)
    if request.days:
        chosen, remark = _of_days(files, request.days, stream)
    else:
        chosen, remark = [file for file in files if not file.is_known(request.seen)], ""
    if not chosen:
        return Delivery(remark=remark)
    delivery = Delivery(seen=dict(request.seen), remark=remark)
    reader = FileReader(file_system, system, stream, request, delivery)
    delivery.batches = read_ahead(merged(reader.batches(files, chosen)))
    return delivery


def _of_days(files: list[File], days: tuple[date, date], stream: FileStream) -> tuple[list[File], str]:
    """The files that belong to `days`, and a remark for the user who asked for them."""
    if all(file.period is None for file in files):
        return files, f"{stream.label}: no file has a date in its name, so all files were loaded again"
    chosen = [file for file in files if file.period is not None and overlaps(file.period, days)]
    if chosen:
        return chosen, ""
    return [], (
        f"{stream.label}: no file belongs to {days[0]} to {days[1]}; choose other days, or deliver files whose names "
        "contain them"
    )
