"""Rules for identity: what must hold of the customers, whoever they are, judged on quality.identity_health."""

from __future__ import annotations

from expectations.core import nought
from expectations.validation import Rule, Suite


def identity_suites(*, compare_sizes: bool) -> dict[str, list[Suite]]:
    """Per table about identity, its suites. The newest run is judged, and compared with the one before.

    compare_sizes: also hold the share of linked records against the run before, as tables are held against theirs.
    """
    between = "ExpectColumnValuesToBeBetween"
    linked_as_before = Rule(
        between,
        {"column": "change_of_linked_share", "min_value": -0.1, "max_value": 0.1},
        "The share of linked records moves slowly; a jump is a source that has changed what it writes in a column "
        "(chosen 2026-11-22). If it is right, run once with --accept-shrinkage.",
        severity="warn",
        name="as many records are linked as before",
    )
    return {
        "quality.identity_health": [
            Suite(
                "identity",
                "quality.identity_health",
                """
                select
                    newest.*,
                    newest.linked_share - before.linked_share as change_of_linked_share
                from (from quality.identity_health order by rowid desc limit 1) as newest
                left join (from quality.identity_health order by rowid desc limit 1 offset 1) as before on true
                """,
                (
                    nought("unassigned_records", "Every source record belongs to a customer."),
                    nought("records_assigned_twice", "A source record is one person, in one customer."),
                    Rule(
                        between,
                        {"column": "largest_customer_records", "max_value": 50},
                        "One person has a few records per system; 50 are a shared identifier (2026-11-21, Contoso: 3).",
                        name="no customer swallows others",
                    ),
                    Rule(
                        between,
                        {"column": "most_given_names", "max_value": 4},
                        "An initial, a short form and a typing error make three given names of one (2026-11-22, demo "
                        "company: 3); more are more people.",
                        severity="warn",
                        name="a customer has one given name",
                    ),
                    Rule(
                        between,
                        {"column": "most_birth_dates", "max_value": 3},
                        "Typing errors give a person two birth dates; more are more people (2026-11-21, Contoso: 2).",
                        severity="warn",
                        name="a customer has one birth date",
                    ),
                    Rule(
                        between,
                        {"column": "customers_with_several_national_ids", "max_value": 0},
                        "The state gives a number to one person: see `context360 who NUMBER --why`.",
                        severity="warn",
                        name="a customer has one national number",
                    ),
                    Rule(
                        between,
                        {"column": "moved_share", "max_value": 0.02},
                        "Whoever stored the customers' numbers yesterday wants them today; a new rule or a changed "
                        "source moves more than 2 % (2026-11-22, demo company: 0 in a week). "
                        "`context360 identity compare` tries rules before they count.",
                        severity="warn",
                        name="customers keep their numbers",
                    ),
                    *([linked_as_before] if compare_sizes else []),
                    Rule(
                        between,
                        {
                            "column": "linked_across_systems_share",
                            "min_value": 0.01,
                            "max_value": 0.99,
                            "row_condition": [("source_systems", ">", 1)],
                        },
                        "Systems of one firm share some customers and not all: outside, nothing links, or everything "
                        "does (2026-11-22, demo company: 0.48).",
                        severity="warn",
                        name="systems share some of their customers",
                    ),
                ),
            )
        ]
    }
