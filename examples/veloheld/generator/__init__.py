"""Veloheld, an invented firm that sells and services connected e-bikes: its source systems, and the truth behind them.

`create` writes both, `advance` adds days, `write_catalog` writes the catalog that reads them. Nothing here knows
Dagster, dbt or the warehouse; the pipeline reads `sources/` only and never `truth/`.
"""

from examples.veloheld.generator.catalog import write_catalog
from examples.veloheld.generator.company import DemoError, advance, create

__all__ = ["DemoError", "advance", "create", "write_catalog"]
