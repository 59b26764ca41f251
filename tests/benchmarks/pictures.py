"""Pictures for the documents: a customer's card, and the asset graph in Dagster. Needs Chromium and a run of the demo.

make pictures   (or: python tests/benchmarks/pictures.py --home .context360 --customer 1169)
"""

from __future__ import annotations

import argparse
import io
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from rich.console import Console

from orchestration.serving.card import card_of
from orchestration.serving.reading import read_published
from orchestration.settings import INSTALLATION, settings_from

IMAGES = INSTALLATION / "docs" / "images"
# The customer with most to show: a cart, an influence and a forecast by a model.
RICHEST = """
    select customer_key from marts.customer_360
    where has_email_marketing_consent
    order by
        (cart_line_count > 0)::int + (influence_percentile is not null)::int + (nps_class is not null)::int
        + (value_basis = 'model')::int desc,
        purchase_count desc, customer_key
    limit 1
"""


def draw_card(home: Path | None, customer: int | None, target: Path) -> None:
    """Writes the card of a customer as a PNG."""
    settings = settings_from(catalog=None, home=home)
    console = Console(record=True, width=120, highlight=False, file=io.StringIO())
    with read_published(settings.serving_path) as connection:
        key = customer or connection.execute(RICHEST).fetchone()[0]
        console.print(card_of(connection, key))
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "card.html"
        svg = console.export_svg(title=f"context360 who {key}")
        page.write_text(f"<body style='margin:0;background:#292929'>{svg}</body>", encoding="utf-8")
        _screenshot(page.as_uri(), target, width=1240, height=1020)


def draw_graph(home: Path | None, catalog: str | None, port: int, target: Path) -> None:
    """Writes Dagster's global asset graph as a PNG."""
    arguments = ["--port", str(port)] + (["--catalog", catalog] if catalog else [])
    arguments += ["--home", str(home)] if home else []
    server = subprocess.Popen(
        [sys.executable, "-m", "orchestration.cli", "ui", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(f"http://127.0.0.1:{port}/server_info")
        _screenshot(f"http://127.0.0.1:{port}/asset-groups", target, width=2200, height=800, wait_seconds=60)
    finally:
        server.terminate()
        server.wait(30)


def _wait_for(address: str, seconds: int = 420) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError:
            time.sleep(1)
    raise SystemExit(f"Dagster does not answer at {address}: see `context360 ui`.")


def _screenshot(address: str, target: Path, *, width: int, height: int, wait_seconds: int = 5) -> None:
    browser = next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), ""
    )
    if not browser:
        raise SystemExit("Chromium is missing: install it, for example with `apt-get install chromium`.")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as profile:
        subprocess.run(
            [
                browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                f"--user-data-dir={profile}", f"--window-size={width},{height}",
                f"--virtual-time-budget={wait_seconds * 1000}", f"--screenshot={target}", address,
            ],
            check=True,
            timeout=300,
            capture_output=True,
        )  # fmt: skip
    print(f"{target}  {target.stat().st_size / 1024:.0f} KB")


def main() -> None:
    """Draws both pictures, or the one that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, help="folder with the state of a run")
    parser.add_argument("--catalog", help="catalog of that run")
    parser.add_argument("--customer", type=int, help="number of the customer on the card")
    parser.add_argument("--port", type=int, default=3999)
    parser.add_argument("--only", choices=("card", "graph"))
    chosen = parser.parse_args()
    if chosen.only != "graph":
        draw_card(chosen.home, chosen.customer, IMAGES / "card.png")
    if chosen.only != "card":
        draw_graph(chosen.home, chosen.catalog, chosen.port, IMAGES / "dagster_graph.png")


if __name__ == "__main__":
    main()
