"""A thousand shared tablets whose users are drawn by stated shares: is the reported probability calibrated?

The models run as dbt compiles them, on tables made here; who sat there is known because it was drawn.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from orchestration.warehouse.dbt import DbtProject

TABLETS, VISITS, LOGIN_SHARE, SEED = 1_000, 30, 0.3, 7
MODELS = ("int_device_evidence", "int_device_person", "int_anonymous_interaction")


@pytest.fixture(scope="module")
def visits(project: DbtProject) -> duckdb.DuckDBPyConnection:
    """`truth` (visit, person, is_login) and `intermediate.int_anonymous_interaction` of it."""
    draw = random.Random(SEED)  # noqa: S311  (a simulation)
    rows = []
    for tablet in range(TABLETS):
        people = [2 * tablet + 1, 2 * tablet + 2]
        shares = [draw.expovariate(1), draw.expovariate(1)]  # every division between the two is as likely as any other
        for visit in range(VISITS):
            at = datetime(2025, 1, 1) + timedelta(days=2 * visit, minutes=draw.randrange(600))
            person = draw.choices(people, shares)[0]
            rows.append((f"{tablet}-{visit}", f"tablet {tablet}", at, person, draw.random() < LOGIN_SHARE))
    visit, device, at, person, is_login = zip(*rows, strict=True)
    drawn = pa.table(
        {
            "visit": visit, "device_id": device, "at": pa.array(at, pa.timestamp("us")), "person": person,
            "is_login": is_login,
        }
    )  # fmt: skip
    connection = duckdb.connect()
    connection.register("drawn", drawn)
    connection.execute("create table truth as from drawn")
    connection.execute("""
        attach ':memory:' as warehouse; use warehouse; create schema intermediate; create schema identity;
        create table identity.assignment as
        select distinct 'crm' as source_system, person::varchar as source_record_id, person::bigint as customer_id
        from memory.truth;
        create table intermediate.int_identifier as
        select source_system, source_record_id, 'email' as identifier_kind, source_record_id as identifier_value
        from identity.assignment;
        create table intermediate.int_identifier_pair (
            identifier_kind varchar, identifier_value varchar, other_identifier_kind varchar,
            other_identifier_value varchar, first_seen_at timestamp, last_seen_at timestamp
        );
        create table intermediate.int_shared_identifier (identifier_kind varchar, identifier_value varchar);
        create table intermediate.int_event_customer (
            identifier_kind varchar, identifier_value varchar, customer_key bigint, customer_count bigint
        );
        create table intermediate.int_backward_consent (customer_key bigint);
        create table intermediate.int_interaction as
        select 'web' as source_system, 'view ' || visit as source_interaction_id, device_id, visit as session_id,
            'cookie' as identifier_kind, device_id as identifier_value, "at" as happened_at
        from memory.truth
        union all
        select 'web', 'login ' || visit, device_id, visit, 'email', person::varchar, "at" + interval 1 minute
        from memory.truth where is_login;
    """)
    for model in MODELS:
        (file,) = Path(project.target_path / "compiled").rglob(f"customer_of_activity/{model}.sql")
        connection.execute(f"create table intermediate.{model} as {file.read_text()}")
    return connection


def test_a_session_with_a_login_is_known_and_no_other_session_of_a_shared_tablet(visits) -> None:
    found = visits.execute("""
        select is_login, attribution like 'known%' as is_known, count(*), count(*) filter (customer_key <> person)
        from memory.truth
        inner join intermediate.int_anonymous_interaction on 'view ' || visit = source_interaction_id
        where device_id in (select device_id from intermediate.int_device_person where is_shared)
        group by all order by all
    """).fetchall()
    assert [(is_login, is_known, wrong) for is_login, is_known, _, wrong in found] == [
        (False, False, 0), (True, True, 0),
    ]  # fmt: skip


def test_a_probability_comes_true_as_often_as_it_says(visits) -> None:
    """As Laplace's rule must where every division is as likely. Visits of one tablet hang together: six errors."""
    bands = visits.execute("""
        select
            least(floor(attribution_probability * 5) / 5, 0.8) as band, count(*), avg(attribution_probability),
            avg((probable_customer_key = person)::int)
        from memory.truth
        inner join intermediate.int_anonymous_interaction on 'view ' || visit = source_interaction_id
        where attribution = 'probable'
        group by 1 order by 1
    """).fetchall()
    assert [band for band, *_ in bands] == [0.4, 0.6, 0.8]
    for band, count, said, came_true in bands:
        assert count > 1_000
        assert abs(said - came_true) < 6 * (said * (1 - said) / count) ** 0.5, f"{band}: {said} said, {came_true} true"
