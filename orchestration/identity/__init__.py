"""Recognises the person behind the records: identifiers → links → clusters → assignment with durable numbers.

Nothing in here knows Dagster or where the records come from. Identity's SQL is in Python, not in dbt: its steps depend
on the learned model and on what has changed since the last call, and most of its tables exist for one call only.
"""

from orchestration.identity.explain import Explanation, assignment_as_of, explain, present_customer
from orchestration.identity.linking import LinkResult, link_records

__all__ = ["Explanation", "LinkResult", "assignment_as_of", "explain", "link_records", "present_customer"]
