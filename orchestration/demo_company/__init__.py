"""Veloheld, an invented firm that sells and services connected e-bikes: its source systems, and the truth behind them.

`company.create` writes both, `company.advance` adds days. Nothing here knows Dagster, dbt or the warehouse; the
pipeline reads `sources/` only and never `truth/`.
"""
