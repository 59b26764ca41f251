"""context360: connects a firm's channels, recognises its customers and answers in three contexts.

This package holds everything that is not SQL. Only `orchestration/defs/` may import Dagster.
"""
