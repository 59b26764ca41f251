"""How scores have done since they were given: per period and model, calibration, lift, ranking and drift; and whether a
new model takes the place of the old one. In: a log of scores with what happened. Out: a frame with a row per period.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from orchestration.predictions import measures

COLUMNS = ("as_of", "probability", "outcome")
LEAST_POSITIVES = 10
CHANGED_PSI = 0.25
_BETTER = 1.64  # standard errors: 95 % sure that the challenger is better


def score_measures(log: pd.DataFrame, *, period: str = "M", by: tuple[str, ...] = ()) -> pd.DataFrame:
    """A row per group of `by` columns (model, product line) and period of as_of.

    log: as_of (when the score was given), probability, outcome (1, 0, or missing while it is not known yet). period: a
    pandas period, M for months, W for weeks.
    Columns: rows, known (with an outcome), mean_probability, base_rate, auc, brier, brier_skill (against the period's
    own base rate), expected_calibration_error, top_decile_lift, population_stability_index (scores against the group's
    first period), drifted. Figures that a period is too small for are missing.
    """
    frame = _checked(log, by)
    try:
        frame["period"] = frame["as_of"].dt.to_period(period)
    except ValueError:
        raise ValueError(f"{period!r} is no period: M is a month, W a week, D a day, Q a quarter.") from None
    first_scores: dict[tuple[object, ...], np.ndarray] = {}
    rows = []
    for key, part in frame.groupby([*by, "period"], sort=True, dropna=False, observed=True):
        group = key[:-1]
        scores = part["probability"].to_numpy(dtype=np.float64)
        reference = first_scores.setdefault(group, scores)
        drift = measures.population_stability_index(reference, scores)
        rows.append(
            dict(zip(by, group, strict=True))
            | {"period": key[-1].start_time, "rows": len(part)}
            | _figures(part.dropna(subset="outcome"))
            | {
                "mean_probability": float(scores.mean()),
                "population_stability_index": drift,
                "drifted": drift is not None and drift > CHANGED_PSI,
            }
        )
    columns = [
        *by, "period", "rows", "known", "mean_probability", "base_rate", "auc", "brier", "brier_skill",
        "expected_calibration_error", "top_decile_lift", "population_stability_index", "drifted",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def _figures(known: pd.DataFrame) -> dict[str, float | None]:
    scores, happened = known["probability"].to_numpy(np.float64), known["outcome"].to_numpy(np.float64)
    found: dict[str, float | None] = {"known": len(known)}
    if len(known):
        found["base_rate"] = float(happened.mean())
        found["brier"] = measures.brier_score(scores, happened)
    if min(happened.sum(), len(happened) - happened.sum()) >= LEAST_POSITIVES:
        found["auc"] = measures.auc(scores, happened)
        found["brier_skill"] = measures.brier_skill(scores, happened, float(happened.mean()))
        found["expected_calibration_error"] = measures.expected_calibration_error(scores, happened)
        found["top_decile_lift"] = measures.lift_at(scores, happened)
    return found


@dataclass(frozen=True)
class Replacement:
    """Whether a new model takes the place of the old one, and why."""

    replace: bool
    reason: str
    rows: int
    gain: float | None = None


def should_replace(current: pd.DataFrame, challenger: pd.DataFrame) -> Replacement:
    """The challenger takes over if it was surely better in the newest rows, which neither model has learned from.

    Both: row_id, probability, outcome for the newest held-out period; the rows that both have scored are compared. The
    mean gain in log loss must be above 0 by 1.64 standard errors, and the Brier score must not be worse.
    """
    for frame in (current, challenger):
        missing = {"row_id", "probability", "outcome"} - set(frame.columns)
        if missing:
            raise ValueError(f"The scores lack the columns {', '.join(sorted(missing))}.")
        if frame["row_id"].duplicated().any():
            raise ValueError("A row_id occurs twice: give one score per row and model.")
    both = current.merge(challenger, on="row_id", suffixes=("_old", "_new")).dropna(subset="outcome_old")
    if (both["outcome_old"] != both["outcome_new"]).any():
        raise ValueError("The two models were given different outcomes for the same row.")
    old, happened = measures.checked_scores(both["probability_old"], both["outcome_old"])
    new = measures.checked_scores(both["probability_new"], both["outcome_old"])[0]
    if min(happened.sum(), len(happened) - happened.sum()) < LEAST_POSITIVES:
        reason = f"Kept: {len(both)} rows with {int(happened.sum())} positives are too few to tell."
        return Replacement(False, reason, len(both))
    losses = [
        -np.where(happened == 1, np.log(kept), np.log1p(-kept))
        for kept in (np.clip(side, 1e-6, 1 - 1e-6) for side in (old, new))
    ]
    gain = losses[0] - losses[1]
    mean = float(gain.mean())
    sure = mean > _BETTER * float(gain.std(ddof=1)) / np.sqrt(len(gain))
    if sure and measures.brier_score(new, happened) <= measures.brier_score(old, happened):
        return Replacement(True, f"Replaced: log loss is better by {mean:.4f} on {len(both)} rows.", len(both), mean)
    return Replacement(
        False, f"Kept: a gain of {mean:.4f} in log loss is not sure on {len(both)} rows.", len(both), mean
    )


def _checked(log: pd.DataFrame, by: tuple[str, ...]) -> pd.DataFrame:
    missing = {*COLUMNS, *by} - set(log.columns)
    if missing:
        raise ValueError(f"The log of scores lacks the columns {', '.join(sorted(missing))}.")
    frame = log[[*by, *COLUMNS]].copy()
    frame["as_of"] = pd.to_datetime(frame["as_of"], errors="coerce")
    frame["outcome"] = pd.to_numeric(frame["outcome"].astype(object), errors="coerce").astype(np.float64)
    if frame["as_of"].isna().any():
        raise ValueError(f"as_of is missing in {int(frame['as_of'].isna().sum())} rows of the log of scores.")
    known = frame["outcome"].fillna(0.0)
    measures.checked_scores(frame["probability"], known)
    if frame["as_of"].dt.tz is not None:
        frame["as_of"] = frame["as_of"].dt.tz_convert("UTC").dt.tz_localize(None)
    return frame
