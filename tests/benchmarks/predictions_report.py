"""Holds what was predicted for demo companies against what then happened: 90 days are forecast, lived and looked at.

For each seed a company is founded, run once (which trains), lives on for 90 days and is run again. The second run
joins what happened to what was said; beside it stands what the truth of the company says of everybody, and how well the
sum of recency, frequency and monetary scores would have ranked the same customers. Of few outcomes, the calibration
error of a perfect model is not zero either; the brackets show its expected value by chance.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from orchestration.predictions.learning.measures import expected_calibration_error

DAYS = 90


def measured(seed: int, customers: int, folder: Path) -> dict[str, object]:
    """The figures of one company, which is founded below folder."""
    home = folder / f"home-{seed}"
    _command("demo", "create", "--customers", customers, "--seed", seed, home=home)
    _command("run", home=home)
    before = folder / f"before-{seed}.duckdb"
    shutil.copyfile(home / "serving" / "context360.duckdb", before)
    company = home / "demo_company"
    with duckdb.connect() as connection:
        truth = connection.execute(
            f"select sum(purchases_next_90_days) from read_parquet('{company}/truth/purchase_process.*parquet')"
        ).fetchone()
    _command("demo", "advance", "--days", DAYS, home=home)
    _command("run", home=home)
    with duckdb.connect() as connection:
        connection.execute(f"attach '{home / 'warehouse.duckdb'}' as now (read_only)")
        connection.execute(f"attach '{before}' as before (read_only)")
        value = connection.execute(
            "select expected_purchases, made_purchases, correlation, mean_absolute_error, base_mean_absolute_error,"
            " customer_count from now.marts.value_performance where origin = 'scored' and horizon_days = 90"
        ).fetchone()
        deciles = connection.execute(
            "select round(expected_purchases, 3), round(made_purchases, 3) from now.marts.value_calibration"
            " where origin = 'scored' and horizon_days = 90 order by decile"
        ).fetchall()
        models = connection.execute("""
            select model_name, score_count, positive_count, expected_calibration_error, auc, brier_skill,
                top_decile_lift, is_worse
            from now.marts.prediction_performance where origin = 'scored' order by model_name
        """).fetchall()
        ranks, by_chance = {}, {}
        for name, *_ in models:
            rows = connection.execute(
                """
                select outcome, probability,
                    coalesce(recency_score + frequency_score + monetary_score, 0) as scores
                from now.predictions.score_outcome as scored
                inner join before.marts.relationship_context as context using (customer_key)
                where origin = 'scored' and model_name = ?
                """,
                [name],
            ).fetchnumpy()
            if rows["outcome"].min() < rows["outcome"].max():
                ranks[name] = roc_auc_score(rows["outcome"], rows["scores"])
                by_chance[name] = _error_by_chance(rows["probability"])
    return {
        "seed": seed,
        "truth": truth[0] if truth else None,
        "value": value,
        "deciles": deciles,
        "models": models,
        "rfm_auc": ranks,
        "calibration_error_by_chance": by_chance,
    }


def _error_by_chance(probabilities: NDArray[np.float64], draws: int = 200) -> float:
    """The mean calibration error of scores that are exactly right, on as many customers."""
    chance = np.random.default_rng(1)
    return float(
        np.mean(
            [
                expected_calibration_error(probabilities, chance.random(len(probabilities)) < probabilities)
                for _ in range(draws)
            ]
        )
    )


def _command(*arguments: object, home: Path) -> None:
    command = [sys.executable, "-m", "orchestration.cli", *map(str, arguments), "--home", str(home)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        sys.exit(done.stdout)


def show(found: dict) -> None:
    """One company, for people."""
    print(f"\nSeed {found['seed']}")
    if found["value"]:
        expected, made, correlation, error, base_error, customers = found["value"]
        print(f"  {DAYS} days: {expected:,.0f} purchases expected of {customers:,} customers, {made:,.0f} made")
        print(f"  (truth: {found['truth']:,.0f} of everybody, whether or not the firm could know whose they were)")
        print(f"  correlation {correlation:.3f}, mean absolute error {error:.3f} (common rate: {base_error:.3f})")
        print("  by tenth, expected / made: " + ", ".join(f"{a:.2f}/{b:.2f}" for a, b in found["deciles"]))
    for name, rows, positives, calibration, auc, skill, lift, worse in found["models"]:
        if auc is None:
            print(f"  {name:<40} {positives} of {rows} happened: too few to judge")
            continue
        by_chance = found["calibration_error_by_chance"].get(name, 0.0)
        print(f"  {name:<40} {positives:>4} of {rows:>5}  calibration error {calibration:.3f} ({by_chance:.3f})"
              f"  AUC {auc:.3f}"
              f" (recency, frequency, monetary: {found['rfm_auc'].get(name, 0.5):.3f})  Brier skill {skill:.3f}"
              f"  lift {lift:.1f}{'  WORSE' if worse else ''}")  # fmt: skip


def main() -> None:
    """Prints the figures of several companies."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=2_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--json", type=Path, help="Also write the figures there.")
    arguments = parser.parse_args()
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in arguments.seeds:
            found.append(measured(seed, arguments.customers, Path(folder)))
            show(found[-1])
    if arguments.json:
        arguments.json.write_text(json.dumps(found, default=str))


if __name__ == "__main__":
    main()
