"""Rights of a person: erase what is held about them, and keep out what comes back.

Plain functions without Dagster. Which customer a row of landing is about follows from the SQL of the staging models
(`stream_rules`), so that a new system is covered without a list of its own.
"""
