"""What customers will do next, learned from what they did: their value, their propensities, and what campaigns change.

Plain functions over arrays and data frames; those that read the star do so over an open connection. Nothing here knows
Dagster or dbt.
"""
