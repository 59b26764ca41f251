"""Recognising the person behind the records: identifiers → links → clusters → assignment with durable numbers.

Nothing in here knows Dagster or where the records come from.
"""

from orchestration.identity.linking import LinkResult, link_records

__all__ = ["LinkResult", "link_records"]
