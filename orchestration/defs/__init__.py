"""Dagster objects, and nothing else: thin shells around plain functions. No other package imports Dagster."""
