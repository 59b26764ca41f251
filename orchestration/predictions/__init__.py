"""What customers will do next, learned from what they did: their value, their propensities, and what campaigns change.

Plain functions over arrays and data frames. Nothing here knows Dagster, dbt or where the data come from.
"""
