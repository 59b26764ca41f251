"""The report on connectedness shows the figures of the marts, in one file, and nothing about a single person."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest
from report_reading import Page, assert_asks_nothing_of_another_address
from texts.text_macros import compiled

from orchestration.serving import report_page
from orchestration.serving.connectedness_report import in_words, write_connectedness_report
from orchestration.serving.report_page import percent, share_text
from orchestration.warehouse.connection import WarehouseError

# Three systems. The CRM knows 4 people, 3 of them linked; the web site saw 200 visits, 20 by known customers; the
# sensor sent 50 readings without a customer.
MARTS = """
    create schema marts; create schema core; create schema quality;
    create table quality.publication as select 'run' as run_id, timestamp '2026-01-31 06:00' as as_of;
    create table core.dim_customer as select 1 as customer_key, 'Jolanthe Quorzan' as display_name;
    create table marts.source_system_connectedness as from (values
        ('crm', 'CRM', 4, 3, 3, 0.75, 0.25, false, 9, 9, 0.0, 0, 0, null),
        ('web', 'Web <site>', 0, 0, 0, null, null, false, 80, 8, 0.9, 200, 20, 0.1),
        ('sensor', 'Sensors', 0, 0, 0, null, null, false, 10, 0, 1.0, 50, 0, 0.0)
    ) as t (source_system, title, source_record_count, customer_count, linked_record_count, link_rate, orphan_rate,
        is_orphan, identifier_count, known_identifier_count, identifier_orphan_rate, activity_count,
        known_activity_count, visibility);
    create table marts.source_system_link as from (values
        ('crm', 'web', 3, 2, 2 / 3, 'direct'), ('web', 'crm', 2, 2, 1.0, 'direct'),
        ('crm', 'sensor', 3, 0, 0.0, 'none'), ('sensor', 'crm', 0, 0, null, 'none'),
        ('web', 'sensor', 2, 0, 0.0, 'through other identifiers'),
        ('sensor', 'web', 0, 0, null, 'through other identifiers')
    ) as t (source_system, other_source_system, customer_count, shared_customer_count, link_rate, link_path);
    create table marts.channel_visibility as from (values
        ('chat', 'Chat', 100, 80, 0, 0.8, 0.75, true, 0, 'web', 'email', 'identifier is shared', 20, 1.0),
        ('web', 'Web', 200, 20, 7, 0.1, 0.75, false, 130, 'web', 'cookie', 'identifier is unknown', 150, 0.85)
    ) as t (channel, title, activity_count, known_count, probable_count, visibility, target_share, is_above_target,
        missing_to_target_count, main_reason_source_system, main_reason_identifier_kind, main_reason, main_reason_count,
        visibility_without_main_reason);
    create table marts.missing_link as from (values
        (1, 'identifier', 'web', 'web', 'cookie', 'identifier is unknown', 1500, 20500, 'EUR', 0.1, 0.85,
            'Web: 1500 visits are dark. Up to 20500 EUR of purchases.'),
        (2, 'pair of systems', 'sensor', 'web', 'none', 'no common identifier', 50, 0, 'EUR', 0.0, 1.0, 'Sensors.'),
        (3, 'identifier', 'web', 'chat', 'none', 'no identifier', 10, 0, null, 0.7496, 0.9, 'Web: 10 chats are dark.')
    ) as t (link_rank, link_kind, source_system, channel, identifier_kind, reason, activity_count, purchases_amount,
        currency, visibility, visibility_with_link, sentence);
    create table marts.stream_latency as from (values
        ('web', 'page_views', 'Web <site>', 1234, 36000.0, 50400.0, null, null, 'daily', 900, false),
        ('crm', 'accounts', 'CRM', 7, 60.0, 120.0, 300.0, 600.0, 'minutes', 86400, true),
        ('sensor', 'bikes', 'Sensors', 0, null, null, null, null, null, 900, null)
    ) as t (source_system, stream, system_title, row_count, landing_p50_seconds, landing_p95_seconds, mart_p50_seconds,
        mart_p95_seconds, latency_class, needed_seconds, is_fast_enough);
    create table marts.source_system_reach as from (values
        ('crm', 'relationship_context', 'customer', 'relationship', 'consent, source_record',
            'BI tools, Card of the customer'),
        ('web', 'situational_context', 'customer', 'situational', 'interaction', 'BI tools'),
        ('web', 'customer_timeline', 'customer', null, 'interaction', 'BI tools')
    ) as t (source_system, mart, subject, context, canonical_streams, readers);
"""


def published() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute(re.sub(r"(\d\.\d+)", r"\1e0", MARTS))  # shares and seconds are doubles
    return connection


@pytest.fixture
def warehouse() -> duckdb.DuckDBPyConnection:
    return published()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    target = tmp_path_factory.mktemp("home") / "reports" / "connectedness.html"
    write_connectedness_report(published(), target)
    return target.read_text(encoding="utf-8")


def test_the_figures_are_those_of_the_marts(warehouse: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    figures = write_connectedness_report(warehouse, tmp_path / "report.html")
    assert (figures.systems, figures.linked_systems, figures.seen_systems) == (3, 2, 2)
    assert (figures.activity, figures.known_activity, figures.visibility) == (250, 20, 0.08)
    assert (figures.channels, figures.channels_above_target) == (2, 1)
    assert (figures.streams, figures.measured_streams, figures.fast_streams) == (3, 2, 1)


def test_interactions_without_a_stated_channel_are_counted_and_are_no_channel(
    warehouse: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    warehouse.execute(
        "insert into marts.channel_visibility by name (select * replace ('unknown' as channel, 'Channel not stated' as"
        " title, 30 as activity_count, 0 as probable_count) from marts.channel_visibility where channel = 'web')"
    )
    figures = write_connectedness_report(warehouse, tmp_path / "report.html")
    assert (figures.channels, figures.channels_above_target) == (2, 1)
    text = Page((tmp_path / "report.html").read_text(encoding="utf-8")).text
    assert "30 interactions have no stated channel and are in none of them." in text
    assert "Channel not stated" not in text


def test_each_section_states_its_figures_in_sentences(page: str) -> None:
    text = Page(page).text
    for sentence in (
        "As of 31 January 2026, 06:00 UTC.",
        "3 systems are in the catalog. 1 of them keeps records of people: 4 records, of which 75 % belong to",
        "No activity of Sensors is attributed to a customer.",
        "The dashed line is the target of 75 %, which few firms reach. 1 channel reaches it; Web is furthest below it "
        "with 10 %.",
        "7 further activities have a probable customer and are not counted.",
        "The largest: Web: 1,500 visits are dark. Up to 20,500 EUR of purchases.",
        "1 pair of systems has no common kind of identifier",
        "1 pair of systems could be linked by their identifiers",
        "Of 3 streams, 2 have a measured latency from event to delivery; 1 of these meets its requirement.",
        "Too slow: Web <site> (page views: 14 h, needed within 15 min)",
        "The data of 2 of 3 systems reach a mart about customers",
        "Sensors reaches none",
    ):
        assert sentence in text, sentence


def test_the_plots_show_rates_shares_latencies_and_missing_links(page: str) -> None:
    pictures = re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL)
    matrix, visibility, missing, latency = (Page(picture).text for picture in pictures)
    assert "67" in matrix.split() and "100" in matrix.split()  # 2 of the CRM's 3 customers, both of the web site's 2
    assert "10 % of 200" in visibility and "80 % of 100" in visibility and "75 %" in visibility
    assert "1,500 (10 % → 85 %), 20,500 EUR" in missing and "cookie is unknown (web)" in missing
    assert "Sensors" not in missing  # pairs of systems have no bar of their own
    assert "10 (74.9 % → 90 %)" in missing and "90 %)," not in missing  # 74.96 % is below 75 %; no purchases, no money
    # To the marts where that is known (5 to 10 minutes), else to landing (10 to 14 hours).
    assert "5 min – 10 min (7 rows)" in latency and "10 h – 14 h (1,234 rows)" in latency


def test_readers_stand_in_a_matrix_of_systems(page: str) -> None:
    (table,) = (part for part in page.split("<table>") if "<th>Situational context</th>" in part)
    rows = [Page(row).text for row in table.split("</table>")[0].split("<tr>")[1:]]
    assert rows == [
        "System Relationship context Personal context Situational context Other tables BI tools Card of the customer",
        "Web <site> – – ● 1 1 ● –",
        "Sensors – – – – – –",
        "CRM ● 2 – – – ● ●",
    ]


def test_page_requests_no_external_address_and_runs_no_script(page: str) -> None:
    assert_asks_nothing_of_another_address(page)


def test_page_holds_no_name_of_a_customer(page: str) -> None:
    assert "Jolanthe" not in page and "Quorzan" not in page


def test_names_from_the_catalog_are_escaped(page: str) -> None:
    assert "<site>" not in page
    assert "Web &lt;site&gt;" in page


def test_installation_without_activity_and_latency_has_a_report(
    warehouse: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    for table in ("source_system_link", "channel_visibility", "missing_link", "stream_latency", "source_system_reach"):
        warehouse.execute(f"truncate marts.{table}")
    warehouse.execute("update marts.source_system_connectedness set activity_count = 0, known_activity_count = 0")
    figures = write_connectedness_report(warehouse, tmp_path / "report.html")
    text = Page((tmp_path / "report.html").read_text(encoding="utf-8")).text
    assert figures.visibility is None
    assert "no stream has a measured latency yet" in text and "CRM, Sensors and Web <site> reach none" in text


def test_a_report_that_cannot_be_finished_leaves_the_last_one(
    warehouse: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "report.html"
    target.write_text("the last one")
    monkeypatch.setattr(report_page.os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(WarehouseError, match="is full: free space"):
        write_connectedness_report(warehouse, target)
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]
    assert target.read_text() == "the last one"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, ""), (0, "0 s"), (59, "59 s"), (60, "1 min"), (900, "15 min"), (7_199, "120 min"), (7_200, "2 h"),
     (86_400, "24 h"), (172_800, "2 days"), (2_592_000, "30 days")],
)  # fmt: skip
def test_durations_are_written_in_words(seconds: float | None, words: str) -> None:
    assert in_words(seconds) == words


@pytest.mark.parametrize(
    ("share", "words"),
    [(None, "–"), (0, "0 %"), (0.001, "< 1 %"), (0.0712, "7 %"), (0.75, "75 %"), (0.9999, "> 99 %"), (1, "100 %")],
)
def test_shares_are_never_rounded_to_nothing_or_all(share: float | None, words: str) -> None:
    assert percent(share) == words


SHARES = [
    (None, "–"), (0.0, "0 %"), (0.004, "< 1 %"), (0.0784, "8 %"), (0.125, "13 %"), (0.744, "74 %"), (0.745, "74.5 %"),
    (0.7499, "74.9 %"), (0.75, "75 %"), (0.754, "75 %"), (0.995, "> 99 %"), (1.0, "100 %"),
]  # fmt: skip


@pytest.mark.parametrize(("share", "words"), SHARES)
def test_share_that_misses_the_target_does_not_show_it(share: float | None, words: str) -> None:
    assert share_text(share, 0.75) == words


def test_marts_write_shares_as_the_reports_do() -> None:
    shares = [(share, words) for share, words in SHARES if share is not None]
    rows = ", ".join(f"({share}::double, '{words}')" for share, words in shares)
    written = compiled("percent_text('share', '0.75')")
    sql = f"select words, {written} from (values {rows}) as t (share, words)"
    assert [found for _, found in duckdb.sql(sql).fetchall()] == [words for _, words in shares]
