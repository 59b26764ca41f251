"""Recognising the person behind the records: identifiers → links → clusters → assignment with durable numbers.

Nothing in here knows Dagster or where the records come from.
"""

from orchestration.identity.explain import Explanation, assignment_as_of, explain, present_customer
from orchestration.identity.linking import LinkResult, link_records

__all__ = ["Explanation", "LinkResult", "assignment_as_of", "explain", "link_records", "present_customer"]
