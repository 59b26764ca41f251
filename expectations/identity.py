"""Rules for identity: what must hold of the customers of any firm, judged on quality.identity_health.

The bounds were chosen on 2026-11-22 from what the examples showed: at most 3 records of a customer per system, 3 given
names, 2 birth dates, no moved number in a week, and 0.48 of the customers in several systems.
"""

from __future__ import annotations

from collections.abc import Sequence

from expectations.rules import Rule, Suite, between, is_zero


def identity_suites(*, compare_sizes: bool, linked_kinds: Sequence[str] = ()) -> dict[str, list[Suite]]:
    """The suites of each table about identity. The newest run is judged, and compared with the one before.

    compare_sizes: also compare the share of linked records with the run before. linked_kinds: the kinds of identifiers
    that a linking rule names, whatever it says of them.
    """
    return {
        "quality.identity_health": [
            Suite(
                "identity",
                "quality.identity_health",
                """
                select
                    newest.*,
                    -- A system that was added or taken out changes the share; that is no fault.
                    case
                        when newest.source_systems = before.source_systems
                            then newest.linked_share - before.linked_share
                    end as change_of_linked_share
                from (from quality.identity_health order by rowid desc limit 1) as newest
                left join (from quality.identity_health order by rowid desc limit 1 offset 1) as before on true
                """,
                (*_customer_rules(), *_change_rules(compare_sizes), _systems_share_customers()),
            ),
            _shared_without_rule(linked_kinds),
        ]
    }


def _shared_without_rule(linked_kinds: Sequence[str]) -> Suite:
    """Which identifiers several records share although no rule says what that means. The measure is a sentence."""
    named = ", ".join(f"'{kind}'" for kind in linked_kinds) or "''"
    return Suite(
        "identity",
        "quality.identity_health (identifiers)",
        f"""
        with shared as (
            select identifier_kind, count(*) as record_count
            from intermediate.int_identifier
            group by identifier_kind, identifier_value
            having count(*) > 1
        ),
        kinds as (
            select identifier_kind, sum(record_count)::bigint as record_count
            from shared
            where identifier_kind not in ({named})
            group by identifier_kind
        )
        select string_agg(
            identifier_kind || ' is shared by ' || record_count || ' records; no rule links by it; add it to '
                || 'identity_rules.yml under rules, as in {{identifier: ' || identifier_kind
                || ', sharing: one_person, reason: …}}',
            '. ' order by identifier_kind
        ) as shared_without_rule
        from kinds
        """,
        (
            Rule(
                "ExpectColumnValuesToBeNull",
                {"column": "shared_without_rule"},
                "An identifier without a rule links nothing: one person stays several customers.",
                severity="warn",
                name="every shared identifier has a rule",
            ),
        ),
    )


def _customer_rules() -> tuple[Rule, ...]:
    """Every record belongs to one customer, and no customer is several people."""
    return (
        is_zero("unassigned_records", "Every source record belongs to a customer."),
        is_zero("records_assigned_twice", "A source record is one person, in one customer."),
        between(
            "largest_customer_records",
            None,
            50,
            "One person has a few different records per system; 50 are a shared identifier.",
            name="no customer swallows others",
        ),
        between(
            "most_given_names",
            None,
            4,
            "An initial, a short form and a typing error give one person three given names; more are several people.",
            severity="warn",
            name="a customer has one given name",
        ),
        between(
            "most_birth_dates",
            None,
            3,
            "Typing errors give a person two birth dates; more are several people.",
            severity="warn",
            name="a customer has one birth date",
        ),
        between(
            "customers_with_several_national_ids",
            None,
            0,
            "The state gives each number to one person: see `context360 who NUMBER --why`.",
            severity="warn",
            name="a customer has one national number",
        ),
    )


def _change_rules(compare_sizes: bool) -> tuple[Rule, ...]:
    """From run to run, customers keep their numbers and records stay linked."""
    keep_numbers = between(
        "moved_share",
        None,
        0.02,
        "Other systems store customer numbers; a new rule or a changed source moves more than 2 % of them. "
        "Test rules with `context360 identity compare` first.",
        severity="warn",
        name="customers keep their numbers",
    )
    linked_as_before = between(
        "change_of_linked_share",
        -0.1,
        0.1,
        "The share of linked records changes slowly; a jump between the same systems means that a source has changed "
        "the meaning of a column. If it is right, run once with --accept-shrinkage.",
        severity="warn",
        name="as many records are linked as before",
    )
    return (keep_numbers, linked_as_before) if compare_sizes else (keep_numbers,)


def _systems_share_customers() -> Rule:
    return between(
        "linked_across_systems_share",
        0.01,
        0.99,
        "Systems of one firm share some customers, not all: outside these bounds nothing links, or everything does.",
        severity="warn",
        name="systems share some of their customers",
        row_condition=[("source_systems", ">", 1)],
    )
