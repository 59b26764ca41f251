"""Judges engagement points by the purchases that follow them, and learns points that predict purchases better.

Points are judged at month starts: how many points customers had, and who bought in the outcome days after. Learned
points are one number per touchpoint, like the set ones. They are learned at earlier month starts only, so their
judgement at the newest one is out of time. They are kept as versions; the configuration decides which points count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from orchestration.counts import counted
from orchestration.predictions.judging.points_versions import (
    judged_as_of,
    read_judgement,
    read_version,
    versions,
    write_judgement,
    write_version,
)
from orchestration.predictions.learning.points import Array, Exchanges, fitted_points
from orchestration.predictions.learning.ranking import CONFIDENCE, Ranking, ranking, ranking_gain, rising_trend

SET = "set"
LEAST_BUYERS = 50  # as a propensity needs positives: with fewer, learned points are mostly chance
NOTICEABLE = 0.05  # share of all points that must move for a new version to be worth a look
# Confidence with which a version must rank better than the one before; two-sided, so one in ten wins by luck.
WIN_CONFIDENCE = 0.8

_LEARNED_COLUMNS = """
    version int, learned_as_of timestamp, touchpoint varchar, set_points int, learned_points int, exchanges bigint,
    standard_error double
"""
_JUDGEMENT_COLUMNS = """
    version varchar, judged_at timestamp, is_out_of_time boolean, customer_count bigint, buyer_count bigint, auc double,
    auc_low double, auc_high double, ranks_buyers boolean, auc_gain double, auc_gain_low double, auc_gain_high double,
    trend_z double, trend_p_value double, rates_rise boolean, notes varchar
"""


@dataclass(frozen=True)
class PointsSetting:
    """How points are judged and learned, from predictions.points_setting. as_of: naive UTC."""

    as_of: datetime
    outcome_days: int
    least_history_days: int
    half_life_days: int
    sample_seed: int


@dataclass(frozen=True)
class PointsLearning:
    """The new version, or None, and the reason."""

    version: int | None
    reason: str


def prepare_points(connection: duckdb.DuckDBPyConnection) -> None:
    """Creates the tables that the marts read, if they do not exist."""
    connection.execute(
        f"""
        create schema if not exists predictions;
        create table if not exists predictions.learned_points ({_LEARNED_COLUMNS});
        create table if not exists predictions.points_judgement ({_JUDGEMENT_COLUMNS});
        """
    )


def restore_points(connection: duckdb.DuckDBPyConnection, folder: Path, known_until: datetime | None = None) -> int:
    """Fills predictions.learned_points and predictions.points_judgement from the files, in one transaction.

    known_until: a past moment (naive UTC), after which nothing counts, neither a version nor a judgement.
    Returns the number of versions. Raises PointsError if a file cannot be read; the tables then stay unchanged.
    """
    prepare_points(connection)
    kept = [read_version(folder, version) for version in versions(folder)]
    kept = [content for content in kept if not _is_later(content["learned_as_of"], known_until)]
    judged = [] if _is_later(judged_as_of(folder), known_until) else read_judgement(folder)
    learned = [
        {"version": content["version"], "learned_as_of": content["learned_as_of"], **entry}
        for content in kept
        for entry in content["points"]
    ]
    connection.execute("begin")
    try:
        for table, columns, rows in (
            ("learned_points", _LEARNED_COLUMNS, learned),
            ("points_judgement", _JUDGEMENT_COLUMNS, judged),
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


def _is_later(moment: str | None, known_until: datetime | None) -> bool:
    return bool(moment and known_until and datetime.fromisoformat(moment) > known_until)


def learn_points(connection: duckdb.DuckDBPyConnection, folder: Path) -> PointsLearning:
    """Judges all points, learns new ones, keeps them as a version if they rank better, and refreshes the tables.

    Reads predictions.points_* and seeds.engagement_bands. folder: of the versions. The same data and files give the
    same answer; learning twice makes no second version.
    """
    setting = points_setting(connection)
    found = exchanges_at_month_starts(connection, setting)
    bands = _bands(connection)
    learned: dict[str, Any] | None = None
    reason = _why_not(found, setting)
    if not reason:
        learned, reason = _candidate(found, folder, setting)
    if learned is not None:
        write_version(folder, learned["version"], learned)
    write_judgement(
        folder,
        {"as_of": setting.as_of.isoformat(), "judgement": _judgements(found, folder, bands, reason)},
    )
    restore_points(connection, folder)
    return PointsLearning(learned["version"] if learned else None, reason)


def points_setting(connection: duckdb.DuckDBPyConnection) -> PointsSetting:
    """The settings of the dbt project, as of the moment at which the models were built."""
    row = connection.execute(
        "select as_of, outcome_days, least_history_days, half_life_days, sample_seed from predictions.points_setting"
    ).fetchone()
    assert row is not None
    return PointsSetting(*row)


def exchanges_at_month_starts(connection: duckdb.DuckDBPyConnection, setting: PointsSetting) -> Exchanges:
    """Customers, their exchanges and their purchases at the month starts whose outcome is complete at the as of."""
    moments = connection.execute("select judged_at from predictions.points_moment order by place").fetchall()
    touchpoints = connection.execute(
        "select touchpoint, set_points, exchange_count from predictions.points_touchpoint order by place"
    ).fetchall()
    rows = connection.execute(
        "select moment, customer, has_bought from predictions.points_example order by place"
    ).fetchnumpy()
    # In a fixed order: sums of floats depend on it.
    counts = connection.execute(
        "select example_place, touchpoint_place, exchanges from predictions.points_exchange order by 1, 2"
    ).fetchnumpy()
    shape = (len(rows["moment"]), len(touchpoints))
    return Exchanges(
        moments=tuple(moment for (moment,) in moments),
        touchpoints=tuple(touchpoint for touchpoint, *_ in touchpoints),
        set_points=np.array([points for _, points, _ in touchpoints], dtype=np.float64),
        exchanges=np.array([count for *_, count in touchpoints], dtype=np.float64),
        counts=csr_array((counts["exchanges"], (counts["example_place"], counts["touchpoint_place"])), shape=shape),
        moment=rows["moment"].astype(np.int64),
        customer=rows["customer"].astype(np.int64),
        bought=rows["has_bought"].astype(np.float64),
        outcome_days=setting.outcome_days,
    )


def _why_not(found: Exchanges, setting: PointsSetting) -> str:
    """Why there are too few purchases to learn from, or empty."""
    if not _learnable(found).any():
        return (
            "No points learned: the history of purchases is too short (it needs "
            f"{setting.least_history_days} days, and two times {setting.outcome_days} days after a month start)."
        )
    buyers = len(np.unique(found.customer[_learnable(found) & (found.bought == 1)]))
    newest = int(found.bought[_newest(found)].sum())
    if min(buyers, newest) < LEAST_BUYERS:
        return (
            f"No points learned: {counted(buyers, 'customer')} bought after earlier month starts and {newest} after "
            f"the newest; learning needs at least {LEAST_BUYERS} in both."
        )
    return ""


def _newest(found: Exchanges) -> NDArray[np.bool_]:
    """Rows of the newest month start."""
    return found.moment == len(found.moments) - 1


def _learnable(found: Exchanges) -> NDArray[np.bool_]:
    """Rows whose outcome was complete at the newest month start."""
    if not found.moments:
        return np.zeros(0, dtype=bool)
    early = [(found.moments[-1] - moment).days >= found.outcome_days for moment in found.moments]
    return np.array(early)[found.moment]


def _candidate(found: Exchanges, folder: Path, setting: PointsSetting) -> tuple[dict[str, Any] | None, str]:
    """The content of the next version, or None; and the reason."""
    exact, errors = fitted_points(found, _learnable(found))
    points = np.round(exact)  # judge what would count
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
    figures = (
        f"AUC {ranked.auc:.3f} at {found.moments[-1]:%Y-%m-%d}, {gain.auc:+.3f} against {name} "
        f"({WIN_CONFIDENCE:.0%} interval {gain.low:+.3f} to {gain.high:+.3f})"
    )
    if gain.low <= 0:
        return None, f"No new points: the gain in ranking may be chance ({figures})."
    if ranked.low <= 0.5:
        return None, f"No new points: they rank better, but buyers may rank above others by chance ({figures})."
    version = (kept[-1] if kept else 0) + 1
    return _version(version, found, setting, points, errors, figures), f"Version {version} learned: {figures}."


def _version(
    version: int, found: Exchanges, setting: PointsSetting, points: Array, errors: Array, reason: str
) -> dict[str, Any]:
    """The content of a version file."""
    learned_at = [moment for moment in found.moments if (found.moments[-1] - moment).days >= found.outcome_days]
    return {
        "version": version,
        "learned_as_of": setting.as_of.isoformat(),
        "learned_from": learned_at[0].isoformat(),
        "learned_until": found.moments[-1].isoformat(),
        "half_life_days": setting.half_life_days,
        "seed": setting.sample_seed,
        "reason": reason,
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
    }


def _points(found: Exchanges, entries: Sequence[Mapping[str, Any]]) -> Array:
    """Points of a version in the order of found.touchpoints; touchpoints that it lacks have their set points."""
    known = {entry["touchpoint"]: float(entry["learned_points"]) for entry in entries}
    return np.array([known.get(name, points) for name, points in zip(found.touchpoints, found.set_points, strict=True)])


def _bands(connection: duckdb.DuckDBPyConnection) -> tuple[Array, Array]:
    """The least points of each band in ascending order, and its rank."""
    rows = connection.execute(
        "select least_points, band_rank from seeds.engagement_bands order by least_points"
    ).fetchall()
    return (np.array([float(least) for least, _ in rows]), np.array([float(rank) for _, rank in rows]))


def _judgements(found: Exchanges, folder: Path, bands: tuple[Array, Array], reason: str) -> list[dict[str, Any]]:
    """One row per points (set, and each version) and month start."""
    points = {SET: (found.set_points, datetime.min)}
    for version in versions(folder):
        content = read_version(folder, version)
        until = datetime.fromisoformat(content["learned_until"])
        points[str(version)] = (_points(found, content["points"]), until)
    last = list(points)[-1]
    return [
        _judgement(found, place, version, of_version, until, bands)
        # The result of this learning stands beside the newest points.
        | {"notes": reason if version == last and place == len(found.moments) - 1 else None}
        for version, (of_version, until) in points.items()
        for place in range(len(found.moments))
    ]


def _judgement(
    found: Exchanges, place: int, version: str, points: Array, until: datetime, bands: tuple[Array, Array]
) -> dict[str, Any]:
    """How well points rank buyers at one month start. until: the points were learned up to this moment."""
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
        **_rounded("auc", ranked),
        "ranks_buyers": ranked and ranked.low > 0.5,
        **_rounded("auc_gain", gain),
        "trend_z": round(trend[0], 6) if trend else None,
        "trend_p_value": trend[1] if trend else None,
        "rates_rise": trend and trend[1] < 1 - CONFIDENCE,
    }


def _rounded(name: str, found: Ranking | None) -> dict[str, float | None]:
    values = (found.auc, found.low, found.high) if found else (None, None, None)
    return {
        key: None if value is None else round(value, 6)
        for key, value in zip((name, f"{name}_low", f"{name}_high"), values, strict=True)
    }
