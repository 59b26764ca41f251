"""Why a CSV file lacks the columns that a stream needs, from what its first lines look like."""

from __future__ import annotations

from collections.abc import Sequence

from orchestration.channels.connectors._other_formats import encoding_of, head_of, is_markup
from orchestration.channels.connectors._sources import Source
from orchestration.channels.errors import ChannelError

_DELIMITERS = {",": '","', ";": '";"', "\t": r'"\t"', "|": '"|"'}
# A title and remarks take few lines.
MOST_LINES_ABOVE_HEADER = 20


def header_hint(source: Source, header: Sequence[str], following: Sequence[Sequence[str]]) -> str:
    """What is wrong with the header and what to do; empty if nothing is recognised.

    following: the fields of the records below it.
    """
    catalog = source.system.catalog_file.name
    encoding = encoding_hint(source)
    if encoding:
        return encoding
    if is_markup(head_of(source)):
        return "this is an HTML or XML page, such as an error message of the server; deliver the file again"
    wanted = _wanted(source)
    found = len(wanted & _names(source, header))
    for delimiter, written in _DELIMITERS.items():
        split = source.stream.delimiter.join(header).split(delimiter)
        if delimiter == source.stream.delimiter or len(split) == 1:
            continue
        if len(wanted & _names(source, split)) > found or (len(header) == 1 and len(split) > 2):
            return f"its columns are separated by {written}; write `delimiter: {written}` in {catalog}"
    for number, fields in enumerate(following, start=2):
        if len(wanted & _names(source, fields)) > max(found, len(wanted) // 2):
            return f"its header is record {number}; deliver it without the lines above the header"
    if not found and len(header) >= len(wanted) > 1:
        return "its first line holds none of the expected names; deliver it with a header"
    return ""


def encoding_hint(source: Source) -> str:
    """The encoding that the first bytes show, if it is not the stream's; empty if they show none."""
    encoding = encoding_of(head_of(source))
    is_declared = source.stream.encoding.lower().replace("_", "-").startswith(encoding[:6])
    if not encoding or is_declared:
        return ""
    return f"its first bytes are those of {encoding}; write `encoding: {encoding}` in {source.system.catalog_file.name}"


def _wanted(source: Source) -> set[str]:
    return {*source.stream.key, *(column for column in source.declared if not column.startswith("_"))}


def _names(source: Source, fields: Sequence[str]) -> set[str]:
    try:
        return set(source.columns([field.strip().strip('"') for field in fields]))
    except ChannelError:  # two of one name
        return set()
