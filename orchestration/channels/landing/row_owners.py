"""Whose rows the rows of a file are, by rules in SQL; and who must not land again.

A rule reads the landed columns of a stream as its staging models do (privacy/stream_rules.py makes them) and yields a
*token*: a text that names one identifier or one key of a record. An erasure keeps the tokens of the person as keyed
hashes only (HMAC-SHA256), so that a delivery can be compared with them and nothing can be read from them.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.channels.connectors import REJECTS
from orchestration.channels.landing.folder import StreamFolder
from orchestration.channels.landing.removal import BLANK, DataFile, Removed, Verdict, data_files, rewrite

if TYPE_CHECKING:
    import duckdb

KEY_FILE, HELD_FILE, RULES_FILE, CLEAN_FILE = "key", "held_out.parquet", "stream_rules.json", "clean_files.json"
# Tokens of documents that rows of other people quote, too.
_WEAK = r"^key\|(\||[^|]*\|(session_id|coupon_code)\x1f)"
_BLOCK_BYTES = 64  # of HMAC with SHA-256, RFC 2104


@dataclass(frozen=True)
class StreamRules:
    """How rows of one stream say whose they are.

    tokens: SQL of the tokens, each a pair (what it names, its value), on landed columns. happened_at: SQL of the
    earliest moment that a row states, or empty. blanked: landed columns whose value goes from a row that the books
    need; empty where rows go as a whole. books_months: how long the books need a row; older ones go. reads: landed
    columns that `tokens` read.
    """

    tokens: tuple[tuple[str, str], ...] = ()
    happened_at: str = ""
    blanked: tuple[str, ...] = ()
    books_months: int = 0
    reads: tuple[str, ...] = ()


def load_rules(folder: Path) -> dict[str, StreamRules]:
    """Label of a stream -> its rules, as they were last kept; empty where none were."""
    file = folder / RULES_FILE
    if not file.is_file():
        return {}
    return {
        label: StreamRules(
            tuple((named, value) for named, value in rules["tokens"]),
            rules["happened_at"],
            tuple(rules["blanked"]),
            rules["books_months"],
            tuple(rules["reads"]),
        )
        for label, rules in json.loads(file.read_text(encoding="utf-8"))["streams"].items()
    }


def keep_rules(folder: Path, rules: Mapping[str, StreamRules], made_from: str) -> None:
    """Writes the rules. made_from: the fingerprint of what they were made from."""
    content = {"made_from": made_from, "streams": {label: asdict(rule) for label, rule in rules.items()}}
    write_private(folder / RULES_FILE, json.dumps(content, indent=1).encode())


def rules_made_from(folder: Path) -> str:
    """The fingerprint with which the rules were kept; empty without rules."""
    file = folder / RULES_FILE
    return str(json.loads(file.read_text(encoding="utf-8"))["made_from"]) if file.is_file() else ""


def write_private(file: Path, content: bytes) -> None:
    """Writes a file that only its owner may read, in one step."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = file.with_name(f".{file.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(file)


def hash_key(folder: Path) -> bytes:
    """The key of the hashes; made at the first call. Whoever has it can test whether a known person was erased."""
    file = folder / KEY_FILE
    if not file.is_file():
        write_private(file, secrets.token_bytes(32))
    return file.read_bytes()


def add_hmac(connection: duckdb.DuckDBPyConnection, key: bytes) -> None:
    """Adds the macro `hmac_of(text)` to a connection. The key stands in a variable, so that no message quotes it."""
    key = hashlib.sha256(key).digest() if len(key) > _BLOCK_BYTES else key
    padded = key.ljust(_BLOCK_BYTES, b"\0")
    for name, mask in (("hmac_inner", 0x36), ("hmac_outer", 0x5C)):
        connection.execute(f"set variable {name} = ?::blob", [bytes(byte ^ mask for byte in padded)])
    connection.execute("""
        create or replace temp macro hmac_of(token) as
        sha256(getvariable('hmac_outer') || unhex(sha256(getvariable('hmac_inner') || encode(token))))
    """)


def hold_out(folder: Path, tokens: Iterable[tuple[str, bool]], erased_at: datetime) -> None:
    """Adds tokens to those that landing must not take in again.

    tokens: (token, whether it holds for good); the others hold for what happened up to erased_at (naive UTC).
    """
    import duckdb

    known = folder / HELD_FILE
    fresh = folder / f".{HELD_FILE}.made"
    hash_key(folder)
    with duckdb.connect() as connection:
        add_hmac(connection, hash_key(folder))
        connection.execute("create table added (token varchar, is_for_good boolean)")
        rows = list(tokens)
        connection.execute(
            "insert into added select unnest(?::varchar[]), unnest(?::boolean[])",
            [[token for token, _ in rows], [is_for_good for _, is_for_good in rows]],
        )
        before = f"union all from read_parquet('{_quoted(known)}')" if known.is_file() else ""
        moment = f"{erased_at:%Y-%m-%d %H:%M:%S}"
        connection.execute(f"""
            copy (
                select token_hash, bool_or(is_for_good) as is_for_good, max(erased_at) as erased_at from (
                    select hmac_of(token) as token_hash, is_for_good, timestamp '{moment}' as erased_at
                    from added {before}
                ) group by token_hash order by token_hash
            ) to '{_quoted(fresh)}' (format parquet, compression zstd)
        """)
    write_private(known, fresh.read_bytes())
    fresh.unlink()
    (folder / CLEAN_FILE).unlink(missing_ok=True)


class Owners:
    """Finds rows by their tokens.

    connection: any DuckDB connection, which gets the table `wanted` (token or its hash, until when). is_hashed: the
    table holds hashes.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, *, is_hashed: bool) -> None:
        self._connection, self._is_hashed = connection, is_hashed

    @classmethod
    def of_tokens(cls, connection: duckdb.DuckDBPyConnection, tokens: Sequence[str]) -> Owners:
        """For tokens in clear, whenever a row happened."""
        connection.execute("create or replace temp table wanted (token varchar, holds_until timestamp)")
        connection.execute("insert into wanted select unnest(?::varchar[]), null", [list(tokens)])
        return cls(connection, is_hashed=False)

    @classmethod
    def held_out(cls, connection: duckdb.DuckDBPyConnection, folder: Path) -> Owners | None:
        """For all erased people; None where there are none."""
        held = folder / HELD_FILE
        if not held.is_file():
            return None
        add_hmac(connection, hash_key(folder))
        connection.execute(f"""
            create or replace temp table wanted as
            select token_hash as token, case when not is_for_good then erased_at end as holds_until
            from read_parquet('{_quoted(held)}')
        """)
        return cls(connection, is_hashed=True)

    def rows(self, file: DataFile, rules: StreamRules) -> str | None:
        """The positions of the rows of a data file that belong to the wanted people, as a query.

        A row that only quotes a document of theirs, and names another person, is not theirs. None where no rule names
        a person in this file.
        """
        source = f"read_parquet('{_quoted(file.path)}', file_row_number = true)"
        there = {row[0] for row in self._connection.execute(f"describe select * from {source}").fetchall()}
        usable = [pair for pair in rules.tokens if self._fits(source, pair)]
        if not usable or not there:
            return None
        at = f"try_cast({rules.happened_at} as timestamp)" if self._fits(source, (rules.happened_at,)) else "null"
        tokens = ", ".join(f"{named} || chr(31) || nullif(cast({value} as varchar), '')" for named, value in usable)
        token = "hmac_of(token)" if self._is_hashed else "token"
        return f"""
            with landed as (
                select file_row_number as row_position, {at} as happened_at, unnest([{tokens}]) as token
                from {source}
            ),
            named as (select distinct * from landed where token is not null),
            known as (select distinct token, {token} as wanted_token from named),
            judged as (
                select
                    named.row_position,
                    not starts_with(named.token, 'key|') as names_a_person,
                    regexp_matches(named.token, '{_WEAK}') as is_quoted,
                    wanted.token is not null and (
                        wanted.holds_until is null or named.happened_at is null
                        or named.happened_at <= wanted.holds_until
                    ) as is_wanted
                from named
                inner join known using (token)
                left join wanted on known.wanted_token = wanted.token
            )
            select row_position
            from judged
            group by row_position
            having bool_or(is_wanted and not is_quoted)
                or (bool_or(is_wanted) and not bool_or(names_a_person and not is_wanted))
        """

    def positions(self, file: DataFile, rules: StreamRules) -> set[int]:
        """The positions of those rows."""
        query = self.rows(file, rules)
        return {row for (row,) in self._connection.execute(query).fetchall()} if query else set()

    def verdict(self, file: DataFile, rules: StreamRules, today: datetime) -> Verdict:
        """What becomes of a file's rows: they go; or stay without what identifies, where the books need them."""
        found = self.positions(file, rules)
        if not found or not rules.blanked or file.part == REJECTS:
            return Verdict(erased=found)
        kept = self._needed_by_books(file, rules, today) & found
        blank = self._not_blank(file, rules) & kept
        return Verdict(erased=found - kept, blanked=dict.fromkeys(sorted(blank), rules.blanked))

    def _needed_by_books(self, file: DataFile, rules: StreamRules, today: datetime) -> set[int]:
        source = f"read_parquet('{_quoted(file.path)}', file_row_number = true)"
        if not rules.happened_at or not self._fits(source, (rules.happened_at,)):
            return {row for (row,) in self._connection.execute(f"select file_row_number from {source}").fetchall()}
        rows = self._connection.execute(
            f"select file_row_number from {source} where coalesce(try_cast({rules.happened_at} as timestamp)"
            f" >= ?::timestamp - to_months({rules.books_months}), true)",
            [today],
        )
        return {row for (row,) in rows.fetchall()}

    def _not_blank(self, file: DataFile, rules: StreamRules) -> set[int]:
        source = f"read_parquet('{_quoted(file.path)}', file_row_number = true)"
        filled = " or ".join(
            f"""coalesce(cast("{column}" as varchar), '{BLANK}') <> '{BLANK}'""" for column in rules.blanked
        )
        return {
            row
            for (row,) in self._connection.execute(f"select file_row_number from {source} where {filled}").fetchall()
        }

    def _fits(self, source: str, expressions: Sequence[str]) -> bool:
        """Whether all columns that the expressions read are in the file: an older file may lack a column."""
        import duckdb

        if not all(expressions):
            return False
        try:
            self._connection.execute(f"describe select {', '.join(expressions)} from {source}")
        except duckdb.BinderException:
            return False
        return True


def has_held_out(folder: Path) -> bool:
    """Whether anybody was erased."""
    return (folder / HELD_FILE).is_file()


def keep_out(
    connection: duckdb.DuckDBPyConnection, folder: Path, stream: StreamFolder, label: str, today: datetime
) -> Removed:
    """Takes rows of erased people out of what landing holds of a stream and was not looked at since the last erasure:
    new deliveries, and whatever came back from a backup.

    folder: of the privacy state. today: up to when books are counted back (naive UTC).
    """
    total = Removed()
    owners = Owners.held_out(connection, folder)
    if owners is None:
        return total
    rules = load_rules(folder).get(label)
    file = folder / CLEAN_FILE
    clean: dict[str, dict[str, int]] = json.loads(file.read_text()) if file.is_file() else {}
    seen = clean.get(label, {})
    if rules is not None:
        for found in data_files(stream, seen):
            total += rewrite(stream, found, owners.verdict(found, rules, today))
    sizes = {name: size for part in ("rows", "incoming", "held", "rejects") for name, size in stream.sizes(part)}
    if sizes != seen:
        write_private(file, json.dumps(clean | {label: sizes}).encode())
    return total


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
