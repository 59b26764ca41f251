"""Channels: from the source systems of a catalog to landing.

Holds the catalog, the connectors and landing, as plain functions. Must not hold anything of Dagster, and nothing that
interprets the data: what a value means is decided in `dbt_project/models/staging/`.
"""
