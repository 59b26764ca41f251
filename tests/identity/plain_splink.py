"""A plain Splink configuration, following its documentation: the baseline for our linking.

Comparisons by the library for every column that is filled, blocking on the usual pairs of columns, two training
sessions, connected components at 0.95.
"""

from __future__ import annotations

import logging
from contextlib import suppress

import duckdb
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on
from splink.internals.exceptions import SplinkException

_BLOCKING = (
    ("national_id",), ("email",), ("phone",), ("given_name", "family_name"), ("birth_date", "given_name"),
    ("birth_date", "family_name"), ("postal_code", "given_name"), ("postal_code", "family_name"),
    ("street", "house_number"), ("birth_date", "postal_code"), ("city", "given_name", "family_name"),
)  # fmt: skip


# Longer than 60 lines: reads as a plain Splink script, from cleaning to clusters.
def link_plainly(connection: duckdb.DuckDBPyConnection, records: str = "records", target: str = "plain") -> None:
    """Writes `target` (source_system, source_record_id, customer_id) for the records."""
    logging.getLogger("splink").setLevel(logging.CRITICAL)
    filled = [row[0] for row in connection.execute(f"describe {records}").fetchall()]
    columns = [
        column
        for column in filled
        if column not in ("source_system", "source_record_id")
        and connection.execute(f"select count(distinct {column}) > 1 from {records}").fetchone()[0]
    ]
    cleaned = ", ".join(
        f"nullif(lower(trim({column}::varchar)), '') as {column}" if column != "birth_date" else
        "birth_date::varchar as birth_date" for column in columns
    )  # fmt: skip
    connection.execute(f"""
        create or replace table plain_record as
        select row_number() over (order by source_system, source_record_id) as unique_id, source_system,
            source_record_id, {cleaned}
        from {records}
    """)
    library = {
        "given_name": cl.NameComparison("given_name").configure(term_frequency_adjustments=True),
        "family_name": cl.NameComparison("family_name").configure(term_frequency_adjustments=True),
        "birth_date": cl.DateOfBirthComparison("birth_date", input_is_string=True),
        "gender": cl.ExactMatch("gender"),
        "email": cl.EmailComparison("email"),
        "phone": cl.LevenshteinAtThresholds("phone", [1, 2]),
        "street": cl.JaroWinklerAtThresholds("street", [0.9]),
        "house_number": cl.ExactMatch("house_number"),
        "postal_code": cl.LevenshteinAtThresholds("postal_code", [1]),
        "city": cl.JaroWinklerAtThresholds("city", [0.9]).configure(term_frequency_adjustments=True),
        "national_id": cl.LevenshteinAtThresholds("national_id", [1, 2]),
        "loyalty_number": cl.ExactMatch("loyalty_number"),
    }
    rules = [rule for rule in _BLOCKING if set(rule) <= set(columns)]
    settings = SettingsCreator(
        link_type="dedupe_only",
        comparisons=[library[column] for column in columns if column in library],
        blocking_rules_to_generate_predictions=[block_on(*rule) for rule in rules],
        retain_matching_columns=False,
    )
    api = DuckDBAPI(connection=connection)
    linker = Linker(api.register("plain_record"), settings, log_level=None, validate_settings=False)
    exact = [
        rule
        for rule in (("email",), ("national_id",), ("given_name", "family_name", "birth_date"))
        if rule in rules or set(rule) <= set(columns)
    ]
    if exact:
        linker.training.estimate_probability_two_random_records_match([block_on(*rule) for rule in exact], recall=0.7)
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    for rule in (("birth_date",), ("given_name", "family_name"), ("email",)):
        if set(rule) <= set(columns):
            # Skip a session that Splink cannot finish, as a user would.
            with suppress(ValueError, SplinkException):
                linker.training.estimate_parameters_using_expectation_maximisation(
                    block_on(*rule), estimate_without_term_frequencies=True
                )
    predicted = linker.inference.predict(threshold_match_probability=0.5)
    clustered = linker.clustering.cluster_pairwise_predictions_at_threshold(predicted, threshold_match_probability=0.95)
    connection.execute(f"""
        create or replace table {target} as
        select source_system, source_record_id, cluster_id as customer_id
        from {clustered.physical_name}
    """)
    linker.table_management.delete_tables_created_by_splink_from_db()
    connection.execute("drop table plain_record")
