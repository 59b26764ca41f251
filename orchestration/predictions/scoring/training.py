"""Trains a model per target, judges it on time that it has not seen, and replaces the current one if it wins.

Training is weekly, and in the first run. dbt builds the examples of a target from past moments. A new model replaces
the current one only if it is better beyond chance in the newest moments whose outcome the current one cannot have
known; the saved model has learned from all examples. If nothing beats the base rate, there is no model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pandas as pd

from orchestration.predictions.scoring.registry import (
    Manifest,
    is_readable,
    load_model,
    manifest_of,
    save_model,
    versions,
)
from orchestration.predictions.scoring.score_log import (
    HELD_OUT,
    HELD_OUT_VALUES,
    TRAININGS,
    file_of,
    keep_rows,
    restore_logs,
)
from orchestration.predictions.scoring.targets import Target, count_examples, examples, targets

if TYPE_CHECKING:
    from orchestration.predictions.learning.propensity import PropensityModel

VALUE_MODEL = "customer_value"
FIRST, REPLACED, KEPT, ABSTAINS = "first", "replaced", "kept", "abstains"
# As in learning.propensity: with fewer, neither the examples nor scikit-learn need loading.
LEAST_POSITIVES = 50
_MOST_USEFUL = 5


@dataclass(frozen=True)
class Training:
    """Result of training one target: see predictions.trained_model. model_version: in use afterwards."""

    target: Target | None
    decision: str
    reason: str
    model_version: int | None
    rows: int
    positives: int
    figures: dict[str, Any]
    held_out: pd.DataFrame | None = None


def is_trained(folder: Path, as_of: datetime) -> bool:
    """Whether there was a training by as_of whose models this release can read."""
    if not any(file.stem <= f"{as_of:%Y%m%dT%H%M%S}" for file in (folder / TRAININGS).glob("*.parquet")):
        return False
    models = folder / "models"
    names = [entry.name for entry in models.iterdir() if entry.is_dir()] if models.is_dir() else []
    manifests = [manifest_of(models, name, versions(models, name)[-1]) for name in names if versions(models, name)]
    return all(is_readable(manifest) for manifest in manifests)


def current_model(folder: Path, name: str, as_of: datetime, *, before: bool = False) -> Manifest | None:
    """The newest readable version trained by as_of (or before it); later versions know what happened then.

    None if a later training abstained, even if a run for an earlier as of made the version after it: the order of runs
    makes no difference.
    """
    if _abstains(folder, name, as_of, before):
        return None
    models = folder / "models"
    found = [manifest_of(models, name, version) for version in versions(models, name)]
    usable = [manifest for manifest in found if is_readable(manifest) and _is_by(manifest, as_of, before)]
    return max(usable, key=lambda manifest: (manifest.trained_as_of, manifest.version), default=None)


def _abstains(folder: Path, name: str, as_of: datetime, before: bool) -> bool:
    """Whether the newest training by as_of (or before it) abstains and left no version that says so."""
    import pyarrow.parquet as pq

    last = file_of(folder, TRAININGS, as_of).stem
    known = sorted(
        file
        for file in (folder / TRAININGS).glob("*.parquet")
        if file.stem < last or (file.stem == last and not before)
    )
    if not known:
        return False
    rows = pq.read_table(known[-1], columns=["model_name", "decision", "model_version"]).to_pylist()
    return {"model_name": name, "decision": ABSTAINS, "model_version": None} in rows


def _is_by(manifest: Manifest, as_of: datetime, before: bool) -> bool:
    trained = datetime.fromisoformat(manifest.trained_as_of)
    return trained < as_of if before else trained <= as_of


def train_models(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    as_of: datetime,
    *,
    seed: int = 1,
    log: Callable[[str], None] = lambda _: None,
) -> list[Training]:
    """Trains every target from the tables of the schema predictions; keeps models and measures below `folder`.

    log: called with one message per target. The same input gives the same models. Refreshes the views of the logs.
    """
    from orchestration.predictions.scoring.customer_forecast import write_moment_forecasts

    restore_logs(connection, folder)
    done = [_train_value(connection, folder, as_of)]
    forecast = False
    for target in targets(connection):
        training = _too_few(connection, folder, target, as_of)
        if training is None:
            if not forecast:
                moments = connection.execute("select moment from predictions.prediction_moment order by 1").fetchall()
                write_moment_forecasts(connection, [moment for (moment,) in moments])
                forecast = True
            training = _train(connection, folder, target, as_of, seed)
        done.append(training)
        log(f"{target.title}: {training.decision}. {training.reason}")
    _keep(connection, folder, as_of, done)
    restore_logs(connection, folder)
    return done


def _too_few(connection: duckdb.DuckDBPyConnection, folder: Path, target: Target, as_of: datetime) -> Training | None:
    """The result if there is no model and there are too few examples for one; otherwise None."""
    rows, positives = count_examples(connection, target)
    scarce = min(positives, rows - positives)
    if scarce >= LEAST_POSITIVES or current_model(folder, target.name, as_of, before=True):
        return None
    kind = "positive" if positives <= rows - positives else "negative"
    reason = f"{scarce} of {rows} examples are {kind}; learning needs {LEAST_POSITIVES}."
    return Training(target, ABSTAINS, reason, None, rows, positives, {})


def _train(connection: duckdb.DuckDBPyConnection, folder: Path, target: Target, as_of: datetime, seed: int) -> Training:
    from orchestration.predictions.learning.propensity import fit_propensity

    rows, positives = count_examples(connection, target)
    current = current_model(folder, target.name, as_of, before=True)
    read = examples(connection, target, rows)
    challenger = fit_propensity(read.features, read.outcome, as_of=read.moment, seed=seed)
    decision, reason = _decision(folder, target, challenger, current, read.features)
    figures = _figures(challenger)
    if decision in (KEPT, ABSTAINS):
        version = current.version if current else None
        return Training(target, decision, reason, version, rows, positives, figures)
    manifest = save_model(
        folder / "models", target.name, challenger.without_rows(), trained_as_of=as_of, seed=seed, figures=figures
    )
    held_out = None
    if challenger.report.held_out is not None and not challenger.abstains:
        held_out = challenger.report.held_out.assign(
            customer_key=read.customer_key, base_rate=challenger.report.base_rate_learned
        )
    return Training(target, decision, reason, manifest.version, rows, positives, figures, held_out)


def _decision(
    folder: Path,
    target: Target,
    challenger: PropensityModel,
    current: Manifest | None,
    features: pd.DataFrame,
) -> tuple[str, str]:
    """Whether the challenger is saved, and why."""
    from orchestration.predictions.learning.replacement import should_replace

    if current is None:
        if challenger.abstains:
            return ABSTAINS, challenger.abstains
        ranks = challenger.report.auc or 0.5
        return FIRST, f"The first model: better than the base rate on the newest examples (AUC {ranks:.3f})."
    held_out = challenger.report.held_out
    if held_out is None:
        return KEPT, f"Kept: too few examples to judge another model. {challenger.abstains}".strip()
    trained = datetime.fromisoformat(current.trained_as_of)
    # The current model was trained before their outcome was known.
    unseen = held_out[held_out["as_of"] + timedelta(days=target.horizon_days) > trained]
    if unseen.empty:
        return KEPT, "Kept: no outcome has become known since it was trained."
    model, _ = load_model(folder / "models", target.name, current.version)
    theirs = model.predict_probability(features.loc[unseen.index], as_of=unseen["as_of"])
    ours = challenger.report.base_rate_learned if challenger.abstains else unseen["probability"]
    rows = unseen[["outcome"]].rename_axis("row_id").reset_index()
    verdict = should_replace(rows.assign(probability=theirs), rows.assign(probability=np.asarray(ours)))
    if verdict.replace and challenger.abstains:
        return REPLACED, f"{verdict.reason} The base rate replaces it: {challenger.abstains}"
    return (REPLACED if verdict.replace else KEPT), verdict.reason


def _figures(model: PropensityModel) -> dict[str, Any]:
    report = model.report
    useful = [name for name, lost in report.useful_features.items() if lost > 0][:_MOST_USEFUL]
    return {
        "base_rate": report.base_rate,
        "learner": report.model,
        "calibration": report.calibration,
        "auc": report.auc,
        "brier": report.brier,
        "brier_skill": report.brier_skill,
        "expected_calibration_error": report.expected_calibration_error,
        "top_decile_lift": report.top_decile_lift,
        "useful_features": ", ".join(useful),
        "notes": " ".join(report.notes),
    }


def _train_value(connection: duckdb.DuckDBPyConnection, folder: Path, as_of: datetime) -> Training:
    from orchestration.predictions.scoring import customer_forecast as forecasts

    current = current_model(folder, VALUE_MODEL, as_of, before=True)
    forecaster, reason = forecasts.learn_forecaster(connection, as_of)
    if forecaster is None:
        version = current.version if current else None
        return Training(None, KEPT if current else ABSTAINS, reason, version, 0, 0, {})
    judged = forecasts.judge(connection, as_of)
    figures: dict[str, Any] = {"currencies": ", ".join(forecaster.year)}
    rows = purchases = 0
    if judged is not None:
        rows, purchases = len(judged.rows), int(judged.rows["made_purchases"].sum())
        figures |= {"expected": round(float(judged.rows["expected_purchases"].sum()), 3), "made": purchases}
    decision, reason = FIRST, "The first forecast."
    present = load_model(folder / "models", VALUE_MODEL, current.version)[0] if current else None
    doubt = forecasts.refuted(judged)
    if doubt:
        # The version records that recent purchases refuted the forecast, unlike one that was never trained.
        forecaster, figures["refuted"] = forecasts.REFUTED, doubt
        is_replaced = present is not None and not present.is_refuted
        decision, reason = (REPLACED, f"The base rate replaces it. {doubt}") if is_replaced else (ABSTAINS, doubt)
    elif present is not None and present.is_refuted:
        decision, reason = REPLACED, "Replaced the base rate: recent purchases no longer refute the forecast."
    elif current is not None:
        decision, reason = KEPT, "Kept: it is younger than the 90 days that judging it needs."
        if judged is not None and datetime.fromisoformat(current.trained_as_of) <= judged.moment:
            before = forecasts.judge(connection, as_of, present)
            better, reason = forecasts.is_surely_better(judged, before) if before else (True, "Replaced the base rate.")
            decision = REPLACED if better else KEPT
        if decision == KEPT:
            return Training(None, decision, reason, current.version, rows, purchases, figures)
    manifest = save_model(folder / "models", VALUE_MODEL, forecaster, trained_as_of=as_of, seed=1, figures=figures)
    held_out = (
        None if judged is None or doubt else judged.rows.assign(as_of=judged.moment, horizon_days=judged.horizon_days)
    )
    return Training(None, decision, reason, manifest.version, rows, purchases, figures, held_out)


# --- keeping ---------------------------------------------------------------------------------------------------------


def _keep(connection: duckdb.DuckDBPyConnection, folder: Path, as_of: datetime, done: list[Training]) -> None:
    """Keeps the measures of this training, and the scores of its new models on held-out examples."""
    table = pd.DataFrame([_row(training, as_of) for training in done])
    _keep_frame(connection, table, "trained_model", file_of(folder, TRAININGS, as_of))
    scores = [
        training.held_out.assign(**_named(training.target), model_version=training.model_version)
        for training in done
        if training.held_out is not None and training.target is not None
    ]
    if scores:
        frame = pd.concat(scores, ignore_index=True).assign(origin="held out", basis="model")
        _keep_frame(connection, frame, "score_log", file_of(folder, HELD_OUT, as_of))
    values = [
        t.held_out.assign(model_version=t.model_version) for t in done if t.held_out is not None and t.target is None
    ]
    if values:
        frame = pd.concat(values, ignore_index=True).assign(
            origin="held out", basis="model", expected_value_amount=None, probability_alive=None
        )
        _keep_frame(connection, frame, "value_log", file_of(folder, HELD_OUT_VALUES, as_of))


def _keep_frame(connection: duckdb.DuckDBPyConnection, frame: pd.DataFrame, table: str, file: Path) -> None:
    """Writes the columns of a table, with its types."""
    columns = connection.execute(f"select column_name, column_type from (describe predictions.{table})").fetchall()
    connection.register("_kept", frame)
    chosen = ", ".join(f'"{name}"::{kind} as "{name}"' for name, kind in columns)
    keep_rows(connection, f"select {chosen} from _kept", file)
    connection.unregister("_kept")


def _named(target: Target) -> dict[str, Any]:
    return {
        "model_name": target.name,
        "target": target.target,
        "product_line": target.product_line,
        "channel": target.channel,
        "horizon_days": target.horizon_days,
    }


def _row(training: Training, as_of: datetime) -> dict[str, Any]:
    target = training.target
    figures = {key: training.figures.get(key) for key in (
        "base_rate", "learner", "calibration", "auc", "brier", "brier_skill", "expected_calibration_error",
        "top_decile_lift", "useful_features", "notes",
    )}  # fmt: skip
    if target is None:
        made, expected = training.figures.get("made"), training.figures.get("expected")
        if expected is not None:
            figures["notes"] = f"It expected {expected:,.0f} purchases in the 90 days before; customers made {made:,}."
        named: dict[str, Any] = {
            "model_name": VALUE_MODEL,
            "target": "value",
            "product_line": None,
            "channel": None,
            "horizon_days": 365,
        }
    else:
        figures["base_rate"] = figures["base_rate"] if figures["base_rate"] is not None else target.base_rate
        named = _named(target)
    return {
        "title": target.title if target else "Purchases and value of each customer",
        **named,
        "trained_as_of": as_of,
        "model_version": training.model_version,
        "decision": training.decision,
        "reason": training.reason,
        "example_count": training.rows,
        "positive_count": training.positives,
        **figures,
    }
