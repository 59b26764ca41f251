"""Channels: from the source systems of a catalog to landing.

Holds the catalog, the connectors, landing and intake, as plain functions. Must not import Dagster, and must not
interpret data: staging decides what a value means.
"""
