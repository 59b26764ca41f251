"""Do the engagement points say who will buy, and which points would say it better?

Points are judged at month starts: who had how many, and who bought in the 90 days after. Learned points are one number
per touchpoint, like those that people have set, and are learned at earlier month starts only: their judgement at the
newest one is out of time. They are kept as versions beside the set ones; what counts is configured, never decided here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_array
from scipy.special import ndtr, ndtri
from scipy.stats import rankdata

from orchestration.predictions.points_versions import (
    read_judgement,
    read_version,
    versions,
    write_judgement,
    write_version,
)

Array = NDArray[np.float64]
Index = NDArray[np.int64]

SET = "set"
OUTCOME_DAYS = 90  # as marts.engagement_band_outcome: a quarter, in which a tenth or more of active customers buy
# A year of month starts to learn from, so that every season is in it, two whose outcome overlaps that of the newest,
# and the newest.
MOST_MOMENTS = 15
# Months in which purchases have not been delivered for as long as the outcome lasts know the touchpoints of purchases
# too little.
LEAST_HISTORY_DAYS = 90
MOST_CUSTOMERS = 20_000  # drawn at random; with 15 months 300,000 rows: points to two digits, in seconds
LEAST_BUYERS = 50  # as `propensity` needs positives: below that learned points are mostly chance
# Each purchase stands in the 90 days after three month starts, so it must not count three times.
ROW_WEIGHT = 30 / OUTCOME_DAYS
# Standard deviation, before any data, of learned points around the set ones, as a share of these: they may well be half
# or double, and what is rare stays near what people have set.
PRIOR_DEVIATION = 1.0
# Where the set points say nothing of purchases, their scale is still needed: as if they explained a tenth of them.
LEAST_EXPLAINED = 0.1
NOTICEABLE = 0.05  # share of all points that must go elsewhere before another version is worth a look
# A version must rank better than the one before it with this confidence; two-sided, so one in ten wins by luck.
WIN_CONFIDENCE = 0.8
CONFIDENCE = 0.95

_LEARNED_COLUMNS = """
    version int, learned_as_of timestamp, touchpoint varchar, set_points int, learned_points int, exchanges bigint,
    standard_error double
"""
_JUDGEMENT_COLUMNS = """
    version varchar, judged_at timestamp, is_out_of_time boolean, customer_count bigint, buyer_count bigint, auc double,
    auc_low double, auc_high double, ranks_buyers boolean, auc_gain double, auc_gain_low double, auc_gain_high double,
    trend_z double, trend_p_value double, rates_rise boolean, notes varchar
"""


# Small tables of one learning. The months are those of UTC, as in marts.customer_stage.
_TABLES = """
    -- Who stays in a hotel has bought the stay.
    create or replace temp table points_purchase as
    select lines.customer_key, lines.line_kind, lines.net_amount, lines.ordered_at as bought_at
    from core.fct_order_line as lines, points_setting as setting
    where lines.ordered_at < setting.as_of
    union all
    select stays.customer_key, 'purchase' as line_kind, stays.net_amount, stays.started_at as bought_at
    from core.fct_booking as stays, points_setting as setting
    where stays.started_at < setting.as_of;

    create or replace temp table points_moment as
    with known as (
        select date_trunc('month', min(bought_at)) as first_month, min(bought_at) as first_at
        from points_purchase
        where line_kind = 'purchase'
    ),
    starts as (
        select unnest(generate_series(known.first_month, setting.as_of, interval 1 month)) as judged_at
        from known, points_setting as setting
    )
    select
        starts.judged_at,
        starts.judged_at + to_days(setting.outcome_days) as judged_until,
        row_number() over (order by starts.judged_at) - 1 as place
    from starts, known, points_setting as setting
    where
        starts.judged_at >= known.first_at + to_days(setting.history_days)
        and starts.judged_at + to_days(setting.outcome_days) <= setting.as_of
    qualify row_number() over (order by starts.judged_at desc) <= setting.most_moments;
    update points_moment set place = place - (select min(place) from points_moment);

    create or replace temp table points_touchpoint as
    select
        touchpoints.touchpoint_key,
        touchpoints.touchpoint,
        touchpoints.engagement_points as set_points,
        count(facts.interaction_key) as exchanges,
        row_number() over (order by touchpoints.touchpoint) - 1 as place
    from seeds.touchpoints as touchpoints
    left join core.fct_interaction as facts
        on
            touchpoints.touchpoint_key = facts.touchpoint_key
            and facts.customer_key > 0
            and facts.happened_at < (select max(judged_at) from points_moment)
    where touchpoints.engagement_points > 0
    group by touchpoints.touchpoint_key, touchpoints.touchpoint, touchpoints.engagement_points;

    create or replace temp table points_customer as
    select
        customers.customer_key,
        customers.first_known_at,
        row_number() over (order by md5(customers.customer_key || ' ' || setting.seed), customers.customer_key) - 1
            as place
    from core.dim_customer as customers, points_setting as setting
    where customers.customer_key > 0 and customers.first_known_at < (select max(judged_at) from points_moment)
    qualify place < setting.most_customers;

    create or replace temp table points_row as
    with buyers as (
        select distinct moments.place as moment, customers.place as customer
        from points_purchase as purchases
        inner join points_customer as customers on purchases.customer_key = customers.customer_key
        inner join points_moment as moments
            on purchases.bought_at >= moments.judged_at and purchases.bought_at < moments.judged_until
        where purchases.net_amount > 0
    )
    select
        moments.place as moment,
        customers.place as customer,
        buyers.customer is not null as bought,
        row_number() over (order by moments.place, customers.place) - 1 as place
    from points_moment as moments
    inner join points_customer as customers on moments.judged_at > customers.first_known_at
    left join buyers on moments.place = buyers.moment and customers.place = buyers.customer;

    create or replace temp table points_count as
    select
        known.place as row_place,
        touchpoints.place as touchpoint_place,
        cast(sum(cast(
            power(0.5, greatest(date_diff('day', facts.happened_at, moments.judged_at), 0) / setting.half_life)
            as decimal(18, 6)
        )) as double) as exchanges
    from core.fct_interaction as facts
    inner join points_touchpoint as touchpoints on facts.touchpoint_key = touchpoints.touchpoint_key
    inner join points_customer as customers on facts.customer_key = customers.customer_key
    inner join points_moment as moments on facts.happened_at < moments.judged_at
    inner join points_row as known on moments.place = known.moment and customers.place = known.customer
    cross join points_setting as setting
    group by known.place, touchpoints.place;
"""


@dataclass(frozen=True)
class Exchanges:
    """What was known at the month starts, and what came of it: one row per customer and month start.

    counts: decayed number of exchanges per touchpoint. moment, customer: position of the row's month start and
    customer. exchanges: number of exchanges per touchpoint, without decay, before the newest month start.
    """

    moments: tuple[datetime, ...]
    touchpoints: tuple[str, ...]
    set_points: Array
    exchanges: Array
    counts: csr_array
    moment: Index
    customer: Index
    bought: Array


@dataclass(frozen=True)
class PointsLearning:
    """What came of learning: the new version, or None and the reason."""

    version: int | None
    reason: str


def prepare_points(connection: duckdb.DuckDBPyConnection) -> None:
    """Makes the tables that the marts read, where they are not there yet."""
    connection.execute(
        f"""
        create schema if not exists predictions;
        create table if not exists predictions.learned_points ({_LEARNED_COLUMNS});
        create table if not exists predictions.points_judgement ({_JUDGEMENT_COLUMNS});
        """
    )


def restore_points(connection: duckdb.DuckDBPyConnection, folder: Path) -> int:
    """Fills predictions.learned_points and predictions.points_judgement from the files, in one transaction.

    Returns the number of versions. Raises PointsError where a file cannot be read; the tables then stay as they are.
    """
    prepare_points(connection)
    kept = [read_version(folder, version) for version in versions(folder)]
    learned = [
        {"version": content["version"], "learned_as_of": content["learned_as_of"], **entry}
        for content in kept
        for entry in content["points"]
    ]
    connection.execute("begin")
    try:
        for table, columns, rows in (
            ("learned_points", _LEARNED_COLUMNS, learned),
            ("points_judgement", _JUDGEMENT_COLUMNS, read_judgement(folder)),
        ):
            connection.execute(f"delete from predictions.{table}")
            if rows:
                names = [column.split()[0] for column in columns.split(",")]
                connection.executemany(
                    f"insert into predictions.{table} values ({', '.join('?' * len(names))})",
                    [[row[name] for name in names] for row in rows],
                )
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise
    return len(kept)


def learn_points(
    connection: duckdb.DuckDBPyConnection, folder: Path, as_of: datetime, *, half_life_days: int, seed: int = 1
) -> PointsLearning:
    """Judges all points, learns new ones, keeps them as a version where they win, and refreshes the tables.

    Reads core and the seeds touchpoints and engagement_bands. folder: of the versions. as_of: naive UTC; nothing later
    is read. half_life_days: as the marts count (variable engagement_half_life_days). seed: of the sample. The same
    data, as of and files give the same answer; learning twice makes no second version.
    """
    found = exchanges_at_month_starts(connection, as_of, half_life_days=half_life_days, seed=seed)
    bands = _bands(connection)
    learned: dict[str, Any] | None = None
    reason = _why_not(found)
    if not reason:
        learned, reason = _candidate(found, folder, as_of, half_life_days, seed)
    if learned is not None:
        write_version(folder, learned["version"], learned)
    write_judgement(
        folder,
        {"as_of": as_of.isoformat(), "judgement": _judgements(found, folder, bands, reason)},
    )
    restore_points(connection, folder)
    return PointsLearning(learned["version"] if learned else None, reason)


def exchanges_at_month_starts(
    connection: duckdb.DuckDBPyConnection, as_of: datetime, *, half_life_days: int, seed: int
) -> Exchanges:
    """Customers, their exchanges and their purchases at the month starts whose outcome is complete at the as of.

    Exchanges fade as in the macro `decayed`. Only touchpoints that earn set points: what the firm sends, returns and
    complaints are no sign of engagement, even where they foretell purchases.
    """
    connection.execute(
        "create or replace temp table points_setting as select ?::timestamp as as_of, ?::double as half_life,"
        " ?::varchar as seed, ?::int as outcome_days, ?::int as history_days, ?::int as most_moments,"
        " ?::int as most_customers",
        [as_of, half_life_days, seed, OUTCOME_DAYS, LEAST_HISTORY_DAYS, MOST_MOMENTS, MOST_CUSTOMERS],
    )
    connection.execute(_TABLES)
    moments = connection.execute("select judged_at from points_moment order by place").fetchall()
    touchpoints = connection.execute(
        "select touchpoint, set_points, exchanges from points_touchpoint order by place"
    ).fetchall()
    rows = connection.execute("select moment, customer, bought from points_row order by place").fetchnumpy()
    counts = connection.execute("select row_place, touchpoint_place, exchanges from points_count").fetchnumpy()
    for table in ("count", "row", "customer", "touchpoint", "moment", "purchase", "setting"):
        connection.execute(f"drop table points_{table}")
    shape = (len(rows["moment"]), len(touchpoints))
    return Exchanges(
        moments=tuple(moment for (moment,) in moments),
        touchpoints=tuple(touchpoint for touchpoint, *_ in touchpoints),
        set_points=np.array([points for _, points, _ in touchpoints], dtype=np.float64),
        exchanges=np.array([count for *_, count in touchpoints], dtype=np.float64),
        counts=csr_array((counts["exchanges"], (counts["row_place"], counts["touchpoint_place"])), shape=shape),
        moment=rows["moment"].astype(np.int64),
        customer=rows["customer"].astype(np.int64),
        bought=rows["bought"].astype(np.float64),
    )


def fitted_points(found: Exchanges, learned_from: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Points per touchpoint and their standard errors, from the rows that may be learned from.

    The chance to buy is 1 - exp(-rate); the rate of a customer is that of the month plus, for each exchange, something
    that fades: so that points add up as points do. Non-negative, drawn to the set points by PRIOR_DEVIATION, and scaled
    so that all exchanges together earn as many points as before. Standard errors allow for a customer's rows belonging
    together (Liang and Zeger 1986, Biometrika 73:13) and take the scale as given, so that they are a little too wide; 0
    where a touchpoint earns nothing.
    """
    counts, bought = found.counts[learned_from], found.bought[learned_from]
    _, month = np.unique(found.moment[learned_from], return_inverse=True)
    months = int(month.max()) + 1
    per_point = _value_of_a_point(counts @ found.set_points, bought, month, months)
    worth = found.set_points * per_point  # purchases per exchange as the set points would have it
    touchpoints = len(worth)

    def objective(parameters: Array) -> tuple[float, Array]:
        loss, slope, base = _loss(parameters[:months], counts @ (worth * parameters[months:]), bought, month)
        away = parameters[months:] - 1
        loss = ROW_WEIGHT * loss + float((away**2).sum()) / (2 * PRIOR_DEVIATION**2)
        of_months = ROW_WEIGHT * np.bincount(month, slope * base, months)
        of_points = ROW_WEIGHT * worth * (counts.T @ slope) + away / PRIOR_DEVIATION**2
        return loss, np.concatenate([of_months, of_points])

    start = np.concatenate([np.log(_rates(bought, month, months) / 2), np.ones(touchpoints)])
    bounds = [(None, None)] * months + [(0, None)] * touchpoints
    best = minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 2_000}).x
    ratio = best[months:]
    error = _standard_errors(best, counts, bought, month, found.customer[learned_from], worth)
    # What never happened keeps its set points.
    seen = found.exchanges > 0
    points = np.where(seen, ratio * found.set_points, 0)
    scale = (found.exchanges * found.set_points).sum() / max((found.exchanges * points).sum(), 1e-9)
    return np.where(seen, points * scale, found.set_points), np.where(seen, error * found.set_points * scale, 0.0)


def _value_of_a_point(points: Array, bought: Array, month: Index, months: int) -> float:
    """Purchases per set point: the one number that the set points leave open."""
    mean = float(points.mean())
    if mean <= 0:
        return 1.0
    least = LEAST_EXPLAINED * float(bought.mean()) / mean

    def objective(parameters: Array) -> tuple[float, Array]:
        loss, slope, base = _loss(parameters[:months], points * parameters[months], bought, month)
        return loss, np.concatenate([np.bincount(month, slope * base, months), [float((slope * points).sum())]])

    start = np.concatenate([np.log(_rates(bought, month, months) / 2), [least]])
    found = minimize(objective, start, jac=True, method="L-BFGS-B", bounds=[(None, None)] * months + [(0, None)])
    return max(float(found.x[months]), least)


def _rates(bought: Array, month: Index, months: int) -> Array:
    """Purchase rate per month, never nought."""
    return (np.bincount(month, bought, months) + 0.5) / (np.bincount(month, minlength=months) + 1)


def _loss(log_base: Array, added: Array, bought: Array, month: Index) -> tuple[float, Array, Array]:
    """Negative log-likelihood of buying with chance 1 - exp(-rate), its slope per row in that rate, and the base."""
    base = np.exp(np.clip(log_base, -30, 10))[month]
    rate = base + added
    chance = np.maximum(-np.expm1(-rate), 1e-12)
    loss = float((rate * (1 - bought)).sum() - (bought * np.log(chance)).sum())
    return loss, (1 - bought) - bought * np.exp(-rate) / chance, base


def _standard_errors(
    best: Array, counts: csr_array, bought: Array, month: Index, customer: Index, worth: Array
) -> Array:
    """Of the ratios to the set points: the sandwich of the penalised fit, with one term per customer."""
    months = len(best) - len(worth)
    _, slope, base = _loss(best[:months], counts @ (worth * best[months:]), bought, month)
    rate = base + counts @ (worth * best[months:])
    chance = np.maximum(-np.expm1(-rate), 1e-12)
    rows = np.arange(len(month))
    of_months = csr_array((base, (rows, month)), shape=(len(month), months))
    # At a bound nothing varies: those touchpoints take no part.
    free = best[months:] > 0
    design = np.concatenate([of_months.toarray(), (counts * worth).toarray()[:, free]], axis=1)
    # Expected information: slope^2 has the mean exp(-rate) / chance.
    information = ROW_WEIGHT * (design * (np.exp(-rate) / chance)[:, None]).T @ design
    information[months:, months:] += np.eye(int(free.sum())) / PRIOR_DEVIATION**2
    _, cluster = np.unique(customer, return_inverse=True)
    scores = csr_array((ROW_WEIGHT * slope, (cluster, rows)), shape=(int(cluster.max()) + 1, len(rows))) @ design
    bread = np.linalg.pinv(information)
    variance = np.diag(bread @ (scores.T @ scores) @ bread)[months:]
    errors = np.zeros(len(worth))
    errors[free] = np.sqrt(np.maximum(variance, 0))
    return errors


@dataclass(frozen=True)
class Ranking:
    """How well points rank buyers: the chance that a buyer has more of them than somebody else (AUC), with interval."""

    auc: float
    low: float
    high: float


def ranking(points: ArrayLike, bought: ArrayLike, confidence: float = CONFIDENCE) -> Ranking | None:
    """AUC with DeLong's interval (DeLong, DeLong and Clarke-Pearson 1988, Biometrics 44:837).

    None without two who bought and two who did not.
    """
    parts = _placements(np.asarray(points, dtype=np.float64), np.asarray(bought, dtype=np.float64))
    if parts is None:
        return None
    return _interval(parts, confidence, least=0.0)


def ranking_gain(
    points: ArrayLike, others: ArrayLike, bought: ArrayLike, confidence: float = CONFIDENCE
) -> Ranking | None:
    """AUC of points less that of others on the same customers, with DeLong's interval for the two together."""
    happened = np.asarray(bought, dtype=np.float64)
    first = _placements(np.asarray(points, dtype=np.float64), happened)
    second = _placements(np.asarray(others, dtype=np.float64), happened)
    if first is None or second is None:
        return None
    return _interval((first[0] - second[0], first[1] - second[1]), confidence, least=-1.0)


def _placements(points: Array, bought: Array) -> tuple[Array, Array] | None:
    """For each buyer the share of others below, for each other the share of buyers above; ties count half.

    By midranks (Sun and Xu 2014, IEEE Signal Processing Letters 21:1389).
    """
    buyers, others = points[bought == 1], points[bought == 0]
    if min(len(buyers), len(others)) < 2:
        return None
    ranks = rankdata(points)
    below = (ranks[bought == 1] - rankdata(buyers)) / len(others)
    above = 1 - (ranks[bought == 0] - rankdata(others)) / len(buyers)
    return below, above


def _interval(parts: tuple[Array, Array], confidence: float, *, least: float) -> Ranking:
    below, above = parts
    value = float(below.mean())
    variance = below.var(ddof=1) / len(below) + above.var(ddof=1) / len(above)
    width = float(ndtri((1 + confidence) / 2) * np.sqrt(variance))
    return Ranking(value, max(value - width, least), min(value + width, 1.0))


def rising_trend(counts: ArrayLike, buyers: ArrayLike, scores: ArrayLike) -> tuple[float, float] | None:
    """Whether the share of buyers rises with the band: z, and the chance of at least that z without any trend.

    counts, buyers: per band. scores: order of the bands. Cochran and Armitage's test (Armitage 1955, Biometrics
    11:375). None where there is one band only, or everybody or nobody bought.
    """
    people, bought, rank = (np.asarray(figures, dtype=np.float64) for figures in (counts, buyers, scores))
    everyone = people.sum()
    if not everyone:
        return None
    share = bought.sum() / everyone
    spread = (people * rank**2).sum() - (people * rank).sum() ** 2 / everyone
    if not 0 < share < 1 or spread <= 0:
        return None
    z = float((rank * (bought - people * share)).sum() / np.sqrt(share * (1 - share) * spread))
    return z, float(ndtr(-z))


def _why_not(found: Exchanges) -> str:
    """Why nothing can be learned; empty where it can."""
    if not _learnable(found).any():
        return (
            f"No points learned: purchases are known for too short a time (needed are {LEAST_HISTORY_DAYS} days, and "
            f"two times {OUTCOME_DAYS} days after a month start)."
        )
    buyers = len(np.unique(found.customer[_learnable(found) & (found.bought == 1)]))
    newest = int(found.bought[_newest(found)].sum())
    if min(buyers, newest) < LEAST_BUYERS:
        return (
            f"No points learned: {buyers} customers bought after earlier month starts and {newest} after the newest; "
            f"at least {LEAST_BUYERS} are needed in both."
        )
    return ""


def _newest(found: Exchanges) -> NDArray[np.bool_]:
    return found.moment == len(found.moments) - 1


def _learnable(found: Exchanges) -> NDArray[np.bool_]:
    """Rows whose outcome was complete at the newest month start."""
    if not found.moments:
        return np.zeros(0, dtype=bool)
    early = [(found.moments[-1] - moment).days >= OUTCOME_DAYS for moment in found.moments]
    return np.array(early)[found.moment]


def _candidate(
    found: Exchanges, folder: Path, as_of: datetime, half_life_days: int, seed: int
) -> tuple[dict[str, Any] | None, str]:
    """The next version with what is told about it, or None; and the reason."""
    exact, errors = fitted_points(found, _learnable(found))
    points = np.round(exact)  # what would be counted is what is judged
    kept = versions(folder)
    before = _points(found, read_version(folder, kept[-1])["points"]) if kept else found.set_points
    name = f"version {kept[-1]}" if kept else "the set points"
    moved = float((found.exchanges * np.abs(points - before)).sum() / (found.exchanges * before).sum())
    if moved < NOTICEABLE:
        return None, f"No new points: they would differ from {name} by {moved:.1%} of all points."
    rows = _newest(found)
    counts, bought = found.counts[rows], found.bought[rows]
    gain = ranking_gain(counts @ points, counts @ before, bought, WIN_CONFIDENCE)
    ranked = ranking(counts @ points, bought)
    assert gain is not None and ranked is not None  # there are enough buyers
    told = (
        f"AUC {ranked.auc:.3f} at {found.moments[-1]:%Y-%m-%d}, {gain.auc:+.3f} against {name} "
        f"({WIN_CONFIDENCE:.0%} interval {gain.low:+.3f} to {gain.high:+.3f})"
    )
    if gain.low <= 0 or ranked.low <= 0.5:
        what = "do not surely rank better" if gain.low <= 0 else "rank better, but buyers are not surely above others"
        return None, f"No new points: they {what} ({told})."
    version = (kept[-1] if kept else 0) + 1
    learned_at = [moment for moment in found.moments if (found.moments[-1] - moment).days >= OUTCOME_DAYS]
    return {
        "version": version,
        "learned_as_of": as_of.isoformat(),
        "learned_from": learned_at[0].isoformat(),
        "learned_until": found.moments[-1].isoformat(),
        "half_life_days": half_life_days,
        "seed": seed,
        "reason": told,
        "points": [
            {
                "touchpoint": touchpoint,
                "set_points": int(set_points),
                "learned_points": int(learned),
                "exchanges": int(exchanges),
                "standard_error": round(float(error), 6),
            }
            for touchpoint, set_points, learned, exchanges, error in zip(
                found.touchpoints, found.set_points, points, found.exchanges, errors, strict=True
            )
        ],
    }, f"Version {version} learned: {told}."


def _points(found: Exchanges, entries: Sequence[Mapping[str, Any]]) -> Array:
    """Points of a version in today's order; a touchpoint that it does not know has its set points."""
    known = {entry["touchpoint"]: float(entry["learned_points"]) for entry in entries}
    return np.array([known.get(name, points) for name, points in zip(found.touchpoints, found.set_points, strict=True)])


def _bands(connection: duckdb.DuckDBPyConnection) -> tuple[Array, Array]:
    """The least points of each band, rising, and its rank."""
    rows = connection.execute(
        "select least_points, band_rank from seeds.engagement_bands order by least_points"
    ).fetchall()
    return (np.array([float(least) for least, _ in rows]), np.array([float(rank) for _, rank in rows]))


def _judgements(found: Exchanges, folder: Path, bands: tuple[Array, Array], reason: str) -> list[dict[str, Any]]:
    """One row per points and month start."""
    points = {SET: (found.set_points, datetime.min)}
    for version in versions(folder):
        content = read_version(folder, version)
        until = datetime.fromisoformat(content["learned_until"])
        points[str(version)] = (_points(found, content["points"]), until)
    last = list(points)[-1]
    return [
        _judgement(found, place, version, of_version, until, bands)
        # What became of the newest learning stands beside the newest points.
        | {"notes": reason if version == last and place == len(found.moments) - 1 else None}
        for version, (of_version, until) in points.items()
        for place in range(len(found.moments))
    ]


def _judgement(
    found: Exchanges, place: int, version: str, points: Array, until: datetime, bands: tuple[Array, Array]
) -> dict[str, Any]:
    rows = found.moment == place
    counts, bought = found.counts[rows], found.bought[rows]
    scores, moment = counts @ points, found.moments[place]
    ranked = ranking(scores, bought)
    gain = None if version == SET else ranking_gain(scores, counts @ found.set_points, bought)
    least, rank = bands
    band = np.maximum(np.searchsorted(least, scores, side="right") - 1, 0)
    trend = rising_trend(np.bincount(band, minlength=len(least)), np.bincount(band, bought, len(least)), rank)
    return {
        "version": version,
        "judged_at": moment.isoformat(),
        "is_out_of_time": moment >= until,
        "customer_count": len(bought),
        "buyer_count": int(bought.sum()),
        **_told("auc", ranked),
        "ranks_buyers": ranked and ranked.low > 0.5,
        **_told("auc_gain", gain),
        "trend_z": round(trend[0], 6) if trend else None,
        "trend_p_value": trend[1] if trend else None,
        "rates_rise": trend and trend[1] < 1 - CONFIDENCE,
    }


def _told(name: str, found: Ranking | None) -> dict[str, float | None]:
    values = (found.auc, found.low, found.high) if found else (None, None, None)
    return {
        key: None if value is None else round(value, 6)
        for key, value in zip((name, f"{name}_low", f"{name}_high"), values, strict=True)
    }
