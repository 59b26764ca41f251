"""Rights of a person: erase and export what is held about them, and keep nothing longer than needed.

Plain functions without Dagster. What a row of landing says about whom follows from the SQL of the staging models
(`stream_rules`), so that a new system is covered without a list of its own.
"""
