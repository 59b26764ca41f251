"""Data quality rules per layer, and the one module that judges them with Great Expectations.

Ground floor: rules, outcomes, thresholds, sql. Above: the layers' suites, a firm's checks, wording, gx_rules, results.
On top: data_docs, validation and storage.
"""
