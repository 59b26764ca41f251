"""The situation at an earlier moment: nothing later is used, and planted moments of need are seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

import duckdb
import pytest
from demo_staging.test_star_of_the_demo_company import PERSONS

from orchestration.channels.catalog_file import load_catalog
from orchestration.settings import settings_from
from orchestration.warehouse.dbt import DbtProject

Ask = Callable[[str], list[tuple]]
QueryAt = Callable[[datetime], str]

# fact -> when a row became known, and how the columns that change later stood at the moment {at}
FACTS = {
    "fct_interaction": ("happened_at", ""),
    "fct_order_line": ("ordered_at", ""),
    "fct_survey_answer": ("answered_at", ""),
    "fct_booking": ("started_at", ""),
    "fct_consent": ("valid_from", "case when valid_to < {at} then valid_to end as valid_to"),
    "fct_cart_line": (
        "added_at",
        "case when state_since < {at} then state else 'open' end as state, "
        "case when state_since < {at} then state_since else added_at end as state_since",
    ),
    "fct_position": ("arrived_at", "least(left_at, {at}) as left_at"),
    "fct_product_reading": ("valid_from", "case when valid_to < {at} then valid_to end as valid_to"),
    "fct_complaint": (
        "opened_at",
        ", ".join(
            f"case when {column} < {{at}} then {column} end as {column}"
            for column in ("first_answered_at", "first_resolved_at", "resolved_at", "reopened_at", "closed_at")
        ),
    ),
    "fct_appointment": (
        "booked_at",
        "case when changed_at < {at} then status else 'planned' end as status, "
        "case when changed_at < {at} then changed_at else booked_at end as changed_at",
    ),
}
ANY_MOMENT = datetime(2001, 2, 3, 4, 5, 6)
# Planted kind of need -> the need that shows it, and how many minutes later it can be seen at the earliest.
SEEN_AS = {
    "abandoned_cart": ("cart_help", 45),
    "bike_fault": ("product_fault_service", 10),
    "near_store_search": ("near_store_search", 5),
    "service_due": ("service_due", 10),
}


@pytest.fixture(scope="module")
def query_at(company) -> QueryAt:
    """The SQL of the situation at a moment, as `context360 who --as-of` has it."""
    return compiled(company, "situational_context")


@pytest.fixture(scope="module")
def needs_at(company) -> QueryAt:
    """The SQL of all needs at a moment."""
    return compiled(company, "customer_need")


def compiled(company, model: str) -> QueryAt:
    installation = company.installation
    settings = settings_from({"CONTEXT360_HOME": str(installation.home)}, catalog=installation.catalog_argument)
    project = DbtProject(load_catalog(settings.catalog_path, settings.environment), settings)
    query = project.query(model, as_of=ANY_MOMENT)
    # Compiled once: only the moment changes.
    return lambda moment: query.replace(str(ANY_MOMENT), str(moment))


@pytest.fixture(scope="module")
def warehouse(company) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(company.installation.home / "warehouse.duckdb"), read_only=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def moments(warehouse) -> list[datetime]:
    """Moments with something unfinished: in the middle of a stay, a session, a complaint and an appointment,
    and when a cart stands open.
    """
    return [
        warehouse.execute(question).fetchall()[0][0].replace(microsecond=0)
        for question in (
            "select arrived_at + (left_at - arrived_at) / 2 from core.fct_position"
            " where position_kind = 'beacon' and customer_key > 0 order by dwell_seconds desc, position_key limit 1",
            "select happened_at + interval 1 second from core.fct_interaction as i"
            " join core.dim_touchpoint using (touchpoint_key)"
            " where customer_key > 0 and touchpoint = 'web_view' order by happened_at desc limit 1 offset 40",
            "select opened_at + (first_resolved_at - opened_at) / 2 from core.fct_complaint"
            " where customer_key > 0 and first_resolved_at is not null order by opened_at desc, complaint_key limit 1",
            "select reopened_at + interval 1 hour from core.fct_complaint"
            " where reopened_at is not null order by opened_at desc, complaint_key limit 1",
            "select booked_at + (starts_at - booked_at) / 2 from core.fct_appointment"
            " where customer_key > 0 order by starts_at desc, appointment_key limit 1",
            "select added_at + interval 40 minute from core.fct_cart_line where customer_key > 0"
            " and state = 'abandoned' order by added_at desc, cart_line_key limit 1 offset 5",
        )
    ]


def known_until(
    company, moment: datetime, tables_cut: Mapping[str, tuple[str, str]] = FACTS
) -> duckdb.DuckDBPyConnection:
    """A warehouse in which every fact row that is later is deleted, and no column of the others holds a later value."""
    connection = duckdb.connect()
    connection.execute(f"attach '{company.installation.home / 'warehouse.duckdb'}' as everything (read_only)")
    connection.execute("attach ':memory:' as warehouse")
    at = f"timestamp '{moment}'"
    tables = connection.execute(
        "select schema_name, table_name from duckdb_tables() where database_name = 'everything'"
        " and (schema_name in ('core', 'seeds') or table_name = 'context_freshness') union all"
        # The settings, which read the seeds.
        " select schema_name, view_name from duckdb_views()"
        " where database_name = 'everything' and schema_name = 'seeds'"
    ).fetchall()
    for schema, table in tables:
        connection.execute(f"create schema if not exists warehouse.{schema}")
        known_at, as_it_stood = tables_cut.get(table, ("", ""))
        replaced = f" replace ({as_it_stood.format(at=at)})" if as_it_stood else ""
        until = f" where {known_at} < {at}" if known_at else ""
        connection.execute(
            f"create view warehouse.{schema}.{table} as select *{replaced} from everything.{schema}.{table}{until}"
        )
    return connection


def test_situation_does_not_use_later_rows(company, warehouse, query_at: QueryAt, moments: list[datetime]) -> None:
    assert len(set(moments)) == len(moments)
    for moment in moments:
        query = query_at(moment)
        everything = warehouse.execute(f"select * from ({query}) order by customer_key").fetchall()
        with known_until(company, moment) as connection:
            assert connection.execute(f"select * from ({query}) order by customer_key").fetchall() == everything


# What a careless change would write -> the correct expression.
LEAKS = {
    "least(positions.left_at, timestamp)": "positions.left_at",
    "facts.happened_at < timestamp and": "",
    "positions.arrived_at < timestamp": "true",
    "complaints.first_resolved_at >= timestamp": "false",
}


@pytest.mark.parametrize("written", LEAKS)
def test_planted_leak_is_detected(written: str, company, warehouse, query_at: QueryAt, moments: list[datetime]) -> None:
    def is_detected(moment: datetime) -> bool:
        right = query_at(moment)
        careful = written.replace("timestamp", f"cast('{moment}' as timestamp)")
        assert careful in right
        query = right.replace(careful, LEAKS[written])
        everything = warehouse.execute(f"select * from ({query}) order by customer_key").fetchall()
        with known_until(company, moment) as connection:
            return connection.execute(f"select * from ({query}) order by customer_key").fetchall() != everything

    assert any(is_detected(moment) for moment in moments)


def test_all_facts_that_the_situation_reads_are_cut(query_at: QueryAt) -> None:
    query = query_at(datetime(2025, 1, 1))
    assert {part.split('"')[0] for part in query.split('"core"."')[1:] if part.startswith("fct_")} == set(FACTS)


def test_unfinished_activity_is_seen(warehouse, query_at: QueryAt, moments: list[datetime]) -> None:
    for moment, sign in zip(
        moments,
        (
            "is_in_store and visit_last_seen_at = as_of",
            "is_session_running and session_page_count > 0",
            "open_complaint_since < as_of",
            "true",
            "next_appointment_at > as_of",
            "is_cart_abandoned and cart_line_count > 0",
        ),
        strict=True,
    ):
        assert warehouse.execute(f"select count(*) filter ({sign}) from ({query_at(moment)})").fetchall()[0][0] > 0, (
            sign
        )


# What of a planted moment the company can know. Its cart, search or reading may be under no customer, or under another.
KNOWN_MOMENTS = f"""
    with {PERSONS},
    planted as (
        select needs.kind, needs.person_id, needs.happened_at::timestamp as happened_at, needs.session_id,
            needs.reading_id, persons.customer_key
        from {{truth:needs}} as needs
        left join persons on needs.person_id = persons.person_id
    ),
    on_the_site as (
        select happened_at, customer_key, session_key
        from core.fct_interaction inner join core.dim_touchpoint using (touchpoint_key)
        where touchpoint in ('web_cart', 'web_search')
    )
    select
        kind, happened_at, customer_key,
        case
            when customer_key is null then 'the person is no customer, or one of several'
            when kind in ('abandoned_cart', 'near_store_search') and customer_key in (
                select customer_key from core.dim_customer_profiling where no_profile_reason is not null
            ) then 'the person refuses profiles, and this is a need of interest'
            when kind in ('abandoned_cart', 'near_store_search') and not exists (
                from on_the_site as site
                where site.session_key = (md5_number_lower(concat_ws('|', 'web', session_id)) >> 1)
                    and site.customer_key = planted.customer_key
                    and abs(datediff('second', site.happened_at, planted.happened_at)) < 600
            ) then 'the visit is not known to be theirs'
            when kind = 'near_store_search' and not exists (
                from core.fct_position as position
                where position.customer_key = planted.customer_key
                    and abs(datediff('second', position.arrived_at, planted.happened_at)) < 600
            ) then 'the telephone is not known to be theirs'
            when kind in ('bike_fault', 'service_due') and not exists (
                from core.fct_product_reading as reading
                where reading.source_reading_id = reading_id and reading.customer_key = planted.customer_key
            ) then 'the bike is not known to be theirs'
            when kind = 'service_due' and exists (
                from core.fct_product_reading as reading inner join core.dim_device using (device_key)
                where reading.source_reading_id = reading_id and reading.odometer_km < 2000
                    and reading.valid_from < first_seen_at + interval 365 day
            ) then 'the bike is younger than a year and has ridden less than 2,000 km'
        end as reason
    from planted
    order by kind, happened_at, customer_key
"""


def test_nine_in_ten_planted_moments_that_can_be_known_are_seen(ask: Ask, warehouse, needs_at: QueryAt) -> None:
    planted = ask(KNOWN_MOMENTS)
    invisible = Counter(reason for *_, reason in planted if reason)
    seen = Counter()
    for kind, happened_at, customer_key, reason in planted:
        if reason:
            continue
        need, minutes = SEEN_AS[kind]
        query = needs_at(happened_at.replace(microsecond=0) + timedelta(minutes=minutes))
        found = warehouse.execute(f"select need from ({query}) where customer_key = {customer_key}").fetchall()
        seen[kind, (need,) in found] += 1
    assert ask("select count(*) from {truth:needs}") == [(seen.total() + invisible.total(),)]
    # A mistaken link or a lost row hides some.
    assert sum(count for (_, is_seen), count in seen.items() if is_seen) >= 0.9 * seen.total()
    assert {kind for kind, is_seen in seen if is_seen} >= {"abandoned_cart", "bike_fault", "service_due"}


def test_who_as_of_shows_the_earlier_situation_without_changing_the_warehouse(company, ask: Ask) -> None:
    installation = company.installation
    file = installation.home / "warehouse.duckdb"
    before = file.read_bytes()
    ((customer_key, added_at),) = ask(
        "select customer_key, added_at from core.fct_cart_line where customer_key > 0 and state = 'abandoned'"
        " order by added_at desc, cart_line_key limit 1 offset 3"
    )
    moment = (added_at + timedelta(minutes=45)).isoformat(timespec="seconds")
    catalog = ("--catalog", installation.catalog_argument)
    said = installation.who(str(customer_key), "--as-of", moment, *catalog)
    assert said.code == 0, said.text
    assert "abandoned" in said.text
    assert "Relationship" not in said.text
    later = installation.who(str(customer_key), "--as-of", "2100-01-01", *catalog)
    assert later.code == 1
    assert "choose an earlier moment" in later.text
    assert file.read_bytes() == before
