"""Judging and learning engagement points: against published figures, by hand, and on a firm whose truth is drawn."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import duckdb
import numpy as np
import pytest
from predictions.prediction_models import POINTS, PredictionModels
from scipy.special import ndtr
from sklearn.metrics import roc_auc_score

from orchestration.firm.folder import FirmFolder
from orchestration.predictions.judging.engagement_points import (
    PointsLearning,
    exchanges_at_month_starts,
    learn_points,
    points_setting,
    prepare_points,
    restore_points,
)
from orchestration.predictions.judging.points_versions import PointsError, points_of, versions, write_version
from orchestration.predictions.learning.points import Exchanges
from orchestration.predictions.learning.ranking import ranking, ranking_gain, rising_trend
from orchestration.project import open_project
from orchestration.settings import EXAMPLES, SettingsError, settings_from
from orchestration.warehouse.dbt_variables import project_variable

HALF_LIFE = 90
AS_OF = datetime(2025, 12, 31)


def test_the_engagement_half_life_is_that_of_the_project() -> None:
    assert project_variable(FirmFolder(EXAMPLES / "contoso"), "engagement_half_life_days") == HALF_LIFE


# ---- judging ---------------------------------------------------------------------------------------------------------


def test_the_trend_is_that_of_a_published_table() -> None:
    # Agresti 2002, Categorical Data Analysis, table 5.3 (alcohol and malformation): z^2 = 6.57, two-sided P = 0.010.
    z, p_value = rising_trend([17114, 14502, 793, 127, 38], [48, 38, 5, 1, 1], [0, 0.5, 1.5, 4, 7])
    assert z**2 == pytest.approx(6.57, abs=0.005)
    assert p_value == pytest.approx(0.0104 / 2, abs=2e-4)


def test_a_falling_rate_is_no_rise_and_one_band_has_no_trend() -> None:
    z, p_value = rising_trend([50, 50], [20, 10], [0, 1])
    assert z < 0 and p_value > 0.5
    assert rising_trend([50, 0], [20, 0], [0, 1]) is None
    assert rising_trend([50, 50], [0, 0], [0, 1]) is None
    assert rising_trend([0, 0], [0, 0], [0, 1]) is None


def test_the_interval_of_the_auc_is_delongs_by_its_definition() -> None:
    rng = np.random.default_rng(3)
    points, bought = rng.integers(0, 8, 60).astype(float), rng.random(60) < 0.3
    above = np.sign(points[bought][:, None] - points[~bought][None, :]) / 2 + 0.5  # 1 above, 0.5 tied
    variance = above.mean(axis=1).var(ddof=1) / bought.sum() + above.mean(axis=0).var(ddof=1) / (~bought).sum()
    found = ranking(points, bought)
    assert found.auc == pytest.approx(roc_auc_score(bought, points))
    assert found.high - found.low == pytest.approx(2 * 1.959964 * np.sqrt(variance))
    other = rng.random(60)
    assert ranking_gain(points, other, bought).auc == pytest.approx(found.auc - ranking(other, bought).auc)
    same = ranking_gain(points, points * 2, bought)
    assert (same.low, same.auc, same.high) == (0, 0, 0)


def test_ranking_needs_buyers_and_non_buyers() -> None:
    assert ranking([1, 2, 3], [0, 0, 0]) is None
    assert ranking_gain([1, 2, 3], [3, 2, 1], [1, 1, 1]) is None


def test_intervals_of_the_auc_and_of_gains_hold_the_truth_as_often_as_they_say() -> None:
    """Scores of buyers lie 1 higher, those of the other score half as much: AUC ndtr(1 / sqrt 2), ndtr(1 / sqrt 8)."""
    rng = np.random.default_rng(4)
    bought = np.arange(300) < 60
    truth, gain = ndtr(1 / np.sqrt(2)), ndtr(1 / np.sqrt(2)) - ndtr(1 / np.sqrt(8))
    hits = np.zeros(2)
    for _ in range(400):
        first, second = rng.normal(size=(2, 300)) + np.outer([1, 0.5], bought)
        alone, together = ranking(first, bought), ranking_gain(first, second, bought)
        hits += (alone.low <= truth <= alone.high, together.low <= gain <= together.high)
    assert (hits >= 400 * 0.95 - 15).all()  # three standard deviations of luck are 13


# ---- counting --------------------------------------------------------------------------------------------------------

STAR = """
    attach ':memory:' as warehouse; use warehouse; create schema core; create schema seeds;
    create table core.dim_date as
    select day::date as calendar_date
    from generate_series(date '2023-01-01', date '2026-12-31', interval 1 day) as t(day);
    create table seeds.touchpoints as
    select * from (values (1, 'look', 5), (2, 'chat', 20), (3, 'mail_sent', 0), (4, 'never', 7))
    as t (touchpoint_key, touchpoint, engagement_points);
    create table seeds.engagement_bands as
    select * from (values (0, 0), (1, 0.5), (2, 10), (3, 50)) as t (band_rank, least_points);
    create table core.dim_customer (customer_key bigint, first_known_at timestamp);
    create table core.dim_customer_profiling (customer_key bigint, no_profile_reason varchar);
    create table core.fct_interaction (
        interaction_key bigint, customer_key bigint, touchpoint_key int, happened_at timestamp,
        took_place boolean default true
    );
    create table core.fct_order_line (
        order_line_key bigint, customer_key bigint, line_kind varchar, net_amount decimal(18, 2), ordered_at timestamp,
        interaction_key bigint, returned_interaction_key bigint, product_key bigint, discount_amount decimal(18, 2),
        margin_amount decimal(18, 2), currency varchar, reporting_rate decimal(18, 12),
        reporting_net_amount decimal(18, 2)
    );
    create table core.fct_booking (
        booking_key bigint, interaction_key bigint, customer_key bigint, net_amount decimal(18, 2),
        started_at timestamp, currency varchar, reporting_net_amount decimal(18, 2)
    );
"""


@pytest.fixture
def learn(star, models: PredictionModels, tmp_path: Path) -> Callable[[], PointsLearning]:
    """Builds the models as of AS_OF, and learns points from them."""

    def build_and_learn() -> PointsLearning:
        models.build(star, POINTS, AS_OF)
        return learn_points(star, tmp_path)

    return build_and_learn


@pytest.fixture
def exchanges(star, models: PredictionModels) -> Callable[[datetime], Exchanges]:
    """Builds the models as of a moment, and reads the exchanges."""

    def build_and_read(as_of: datetime) -> Exchanges:
        models.build(star, POINTS, as_of)
        return exchanges_at_month_starts(star, points_setting(star))

    return build_and_read


@pytest.fixture
def star() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(STAR)
        yield connection


def test_exchanges_fade_and_purchases_count_for_the_quarter_after_each_month_start(star, exchanges) -> None:
    """Purchases are known from 1 January on: 1 April is the first month start, and 1 July the last with a quarter."""
    star.execute("""
        insert into core.dim_customer values (1, '2024-01-01'), (2, '2025-05-10'), (3, null), (-1, null);
        insert into core.fct_order_line (customer_key, line_kind, net_amount, ordered_at) values
            (9, 'purchase', 10, '2025-01-01'), (1, 'purchase', 10, '2025-06-29 23:59'),
            (1, 'return', -10, '2025-09-01'), (2, 'purchase', 10, '2025-09-29');
        insert into core.fct_interaction (interaction_key, customer_key, touchpoint_key, happened_at) values
            (1, 1, 1, '2025-01-01 22:00'),  -- 90 days before 1 April: half of it is left
            (2, 1, 1, '2025-04-01 00:00'),  -- not before 1 April
            (3, 1, 3, '2025-02-01'),        -- earns nothing
            (4, 2, 2, '2025-06-30 12:00'), (5, -1, 2, '2025-02-01');
    """)
    found = exchanges(datetime(2025, 9, 29))
    assert found.moments == tuple(datetime(2025, month, 1) for month in (4, 5, 6, 7))
    assert found.touchpoints == ("chat", "look", "never")
    assert list(found.exchanges) == [1, 2, 0]
    known = dict(zip(zip(found.moment.tolist(), found.customer.tolist(), strict=True), range(6), strict=True))
    assert len(known) == 6  # customer 1 at four month starts, customer 2 at two; the start of customer 3 is unknown
    counts = found.counts.toarray()
    one = next(customer for moment, customer in known if moment == 0)
    two = next(customer for moment, customer in known if customer != one)
    assert counts[known[0, one]] == pytest.approx([0, 0.5, 0])
    assert counts[known[1, one]] == pytest.approx([0, 0.5 ** (120 / 90) + 0.5 ** (30 / 90), 0], abs=2e-6)
    assert counts[known[3, two]] == pytest.approx([0.5 ** (1 / 90), 0, 0], abs=1e-6)
    # 29 June lies in the 90 days after 1 April (until 30 June), May and June; 29 September just not in those of July.
    assert [found.bought[known[moment, one]] for moment in range(4)] == [1, 1, 1, 0]
    assert found.bought[known[3, two]] == 0


def test_who_stays_in_a_hotel_has_bought(star, exchanges) -> None:
    """Whatever it cost: a stay paid with points is a purchase, too."""
    star.execute("""
        insert into core.dim_customer values (1, '2024-01-01'), (2, '2024-01-01'), (3, '2024-01-01');
        insert into core.fct_booking (customer_key, net_amount, started_at) values
            (9, 100, '2025-01-01'), (1, 100, '2025-04-01'), (2, 0, '2025-05-01'), (3, 100, '2025-06-30');
    """)
    found = exchanges(datetime(2025, 7, 1))
    assert found.moments == (datetime(2025, 4, 1),)
    assert sorted(found.bought) == [0, 1, 1]


# ---- learning --------------------------------------------------------------------------------------------------------


def _firm(star: duckdb.DuckDBPyConnection, customers: int, *, buy_after_look: float, buy_after_chat: float) -> None:
    """Looks and chats at random; each brings a purchase within 80 days with its chance, and a few buy anyway."""
    rng = np.random.default_rng(7)
    star.execute("insert into core.dim_customer select i, timestamp '2023-12-01' from range(1, ? + 1) as t(i)",
                 [customers])  # fmt: skip
    day, who, touchpoint = [], [], []
    for number, per_year in ((1, 3.0), (2, 3.0)):
        size = rng.poisson(per_year * 2 * customers)
        day.append(rng.integers(0, 730, size))
        who.append(rng.integers(1, customers + 1, size))
        touchpoint.append(np.full(size, number))
    day, who, touchpoint = map(np.concatenate, (day, who, touchpoint))
    chance = np.where(touchpoint == 1, buy_after_look, buy_after_chat)
    buys = rng.random(len(day)) < chance
    anyway = rng.poisson(0.1 * 2 * customers)
    lines = {
        "customer": np.concatenate([who[buys], rng.integers(1, customers + 1, anyway)]),
        "day": np.concatenate([day[buys] + rng.integers(1, 80, buys.sum()), rng.integers(0, 730, anyway)]),
    }
    exchanges = {"day": day, "who": who, "touchpoint": touchpoint}
    star.register("exchanges", exchanges)
    star.register("lines", lines)
    star.execute("""
        insert into core.fct_interaction (interaction_key, customer_key, touchpoint_key, happened_at)
        select row_number() over (), who, touchpoint, timestamp '2024-01-01' + to_days(day::int) from exchanges;
        insert into core.fct_order_line (customer_key, line_kind, net_amount, ordered_at)
        select customer, 'purchase', 10, timestamp '2024-01-01 12:00' + to_days(day::int) from lines;
    """)
    star.unregister("exchanges")
    star.unregister("lines")


def test_points_go_from_what_brings_nothing_to_what_brings_purchases(star, learn, tmp_path: Path) -> None:
    # The seed says that a chat is worth four looks; here a look brings purchases and a chat brings none.
    _firm(star, 1_500, buy_after_look=0.15, buy_after_chat=0.0)
    learned = learn()
    assert learned.version == 1
    points = {
        name: (set_points, of_version, exchanges)
        for name, set_points, of_version, exchanges in star.execute(
            "select touchpoint, set_points, learned_points, exchanges from predictions.learned_points"
        ).fetchall()
    }
    assert points.keys() == {"look", "chat", "never"}
    assert points["look"][1] > 4 * points["chat"][1]
    assert points["never"][:2] == (7, 7)
    total = [sum(entry[place] * entry[2] for entry in points.values()) for place in (0, 1)]
    assert total[1] == pytest.approx(total[0], rel=0.05)  # rounding
    judged = {
        (version, is_out): (auc, gain)
        for version, is_out, auc, gain in star.execute(
            "select version, is_out_of_time, auc, auc_gain from predictions.points_judgement"
            " where judged_at = '2025-10-01'"
        ).fetchall()
    }
    assert judged["set", True][1] is None
    assert judged["1", True][1] == pytest.approx(judged["1", True][0] - judged["set", True][0], abs=2e-6)
    assert judged["1", True][1] > 0
    # What was learned from is no forecast.
    assert star.execute(
        "select max(judged_at) from predictions.points_judgement where not is_out_of_time"
    ).fetchone() == (datetime(2025, 9, 1),)
    # Learning again on the same finds nothing new, and the version stays.
    again = learn()
    assert (again.version, versions(tmp_path)) == (None, [1])
    assert "differ from version 1 by 0.0%" in again.reason
    # Nothing but the files is needed to have the tables back.
    before = star.execute("select * from predictions.points_judgement order by all").fetchall()
    star.execute("drop schema predictions cascade")
    assert restore_points(star, tmp_path) == 1
    assert star.execute("select * from predictions.points_judgement order by all").fetchall() == before


def test_set_points_that_are_right_are_left_alone(star, learn, tmp_path: Path) -> None:
    _firm(star, 1_500, buy_after_look=0.05, buy_after_chat=0.20)
    learned = learn()
    assert (learned.version, versions(tmp_path)) == (None, [])
    assert learned.reason.startswith("No new points")
    assert star.execute(
        "select bool_and(ranks_buyers and rates_rise), max(notes) from predictions.points_judgement"
    ).fetchone() == (True, learned.reason)


def test_few_purchases_teach_nothing_and_give_the_reason(star, learn, tmp_path: Path) -> None:
    _firm(star, 60, buy_after_look=0.15, buy_after_chat=0.0)
    learned = learn()
    assert learned.version is None
    assert "learning needs at least 50 in both" in learned.reason
    assert star.execute("select distinct version from predictions.points_judgement").fetchall() == [("set",)]


def test_firm_without_a_quarter_of_purchases_gets_the_reason(star, learn, tmp_path: Path) -> None:
    learned = learn()
    assert "the history of purchases is too short" in learned.reason
    assert star.execute("select count(*) from predictions.points_judgement").fetchone() == (0,)


# ---- versions as files, and the switch -------------------------------------------------------------------------------


def _version(folder: Path, version: int = 3) -> None:
    entry = {"touchpoint": "web_view", "set_points": 1, "learned_points": 4, "exchanges": 9, "standard_error": 0.5}
    moments = {"learned_as_of": "2025-12-31T00:00:00", "learned_until": "2025-10-01T00:00:00"}
    write_version(folder, version, {"version": version, "points": [entry]} | moments)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"points": 4}', '{"points": [{"touchpoint": "web_view"}]}'])
def test_damaged_version_reports_its_file_and_the_remedy(tmp_path: Path, content: str) -> None:
    _version(tmp_path)
    (tmp_path / "000003.json").write_text(content)
    with pytest.raises(PointsError, match=r"000003\.json cannot be read: restore it"):
        points_of(tmp_path, 3)


def test_tables_stay_as_they_are_where_a_version_cannot_be_read(star, tmp_path: Path) -> None:
    _version(tmp_path)
    restore_points(star, tmp_path)
    (tmp_path / "000004.json").write_text("{")
    with pytest.raises(PointsError):
        restore_points(star, tmp_path)
    assert star.execute("select version, learned_points from predictions.learned_points").fetchall() == [(3, 4)]
    prepare_points(star)
    assert star.execute("select count(*) from predictions.learned_points").fetchone() == (1,)


def _variables(home: Path, chosen: str | None) -> dict:
    environment = {"CONTEXT360_HOME": str(home)} | ({"CONTEXT360_ENGAGEMENT_POINTS": chosen} if chosen else {})
    settings = settings_from(environment, catalog="contoso")
    return open_project(settings)[1].variables


def test_only_the_configuration_switches_points(tmp_path: Path) -> None:
    _version(tmp_path / "predictions" / "points")
    for default in (None, "set"):
        assert _variables(tmp_path, default)["learned_engagement_points"] == {}
        assert _variables(tmp_path, default)["engagement_points_version"] == "set"
    chosen = _variables(tmp_path, "3")
    assert (chosen["learned_engagement_points"], chosen["engagement_points_version"]) == ({"web_view": 4}, "3")


def test_missing_version_and_wrong_setting_report_the_remedy(tmp_path: Path) -> None:
    _version(tmp_path / "predictions" / "points")
    with pytest.raises(PointsError, match=r"no learned engagement points of version 7 .*there are: 3.*`set`, or to on"):
        _variables(tmp_path, "7")
    with pytest.raises(SettingsError, match="CONTEXT360_ENGAGEMENT_POINTS is 'newest': write `set`, or the number"):
        _variables(tmp_path, "newest")


def test_a_version_is_written_as_a_whole(tmp_path: Path) -> None:
    _version(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["000003.json"]
    assert json.loads((tmp_path / "000003.json").read_text())["points"][0]["learned_points"] == 4
