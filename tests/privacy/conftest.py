"""The installations of tests/pipeline: a little company that has run."""

from pipeline.conftest import company_copy, good_company, new_company, warm

__all__ = ["company_copy", "good_company", "new_company", "warm"]
