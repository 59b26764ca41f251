"""Recognises the person behind the records: identifiers → links → clusters → assignment with durable numbers.

Nothing in here knows Dagster or where the records come from. Identity's SQL is in Python, not in dbt: its steps depend
on the learned model and on what has changed since the last call, and most of its tables exist for one call only.

The public functions are `linking.link_records` and those of `explain`. The package imports neither: Splink and SciPy
take 2 s, and Dagster loads it only to read the register of customer numbers.
"""
