"""Rules for next best actions: none without consent, and the logged probabilities describe how each was chosen."""

from __future__ import annotations

from expectations.rules import Rule, Suite, between, is_zero


def action_suites() -> dict[str, list[Suite]]:
    """The suites of each mart about actions."""
    return {
        "marts.action_choice": [_choices(), _one_choice()],
        "marts.next_best_action": [_consent(), _proposals()],
    }


def _choices() -> Suite:
    return Suite(
        "marts",
        "marts.action_choice",
        "select * from marts.action_choice",
        (
            between("proposal_probability", 0, 1, "A probability."),
            between("propensity", 0, 1, "A probability."),
            between("score", 0, 100, "All scores share one scale."),
            between("expected_value_amount", 0, None, "A purchase has a positive value."),
        ),
        key_columns=("customer_key", "kind", "action", "item"),
    )


def _one_choice() -> Suite:
    return Suite(
        "marts",
        "marts.action_choice (choice)",
        """
        select customer_key, kind, sum(proposal_probability) as probability,
            count(*) filter (where is_proposed) as proposed, count(*) filter (where is_greedy) as best
        from marts.action_choice
        group by customer_key, kind
        """,
        (
            between(
                "probability",
                1 - 1e-9,
                1 + 1e-9,
                "One of the choices is proposed, so their probabilities add up to 1.",
            ),
            *(
                Rule("ExpectColumnValuesToBeInSet", {"column": column, "value_set": [1]}, "One of each kind.")
                for column in ("proposed", "best")
            ),
        ),
        key_columns=("customer_key", "kind"),
    )


def _consent() -> Suite:
    return Suite(
        "marts",
        "marts.next_best_action (consent)",
        """
        select
            count(*) filter (where consents.customer_key is null) as unlawful_actions,
            count(*) filter (where consents.customer_key is not null and contacts.customer_key is null)
                as unreachable_actions
        from marts.next_best_action as actions
        left join marts.customer_consent as consents
            on consents.customer_key = actions.customer_key and consents.purpose = actions.purpose
                and consents.channel = actions.channel and consents.is_granted
        left join marts.customer_contact as contacts
            on contacts.customer_key = actions.customer_key and contacts.purpose = actions.purpose
                and contacts.channel = actions.channel and contacts.may_contact
        """,
        (
            is_zero("unlawful_actions", "Every proposal has consent for its purpose and channel."),
            is_zero(
                "unreachable_actions",
                "Every proposal has an address in its channel that no other user of it has refused.",
            ),
        ),
    )


def _proposals() -> Suite:
    probability = {"column": "proposal_probability", "min_value": 0, "max_value": 1, "strict_min": True}
    return Suite(
        "marts",
        "marts.next_best_action",
        "select customer_key, kind, action, proposal_probability from marts.next_best_action",
        (
            Rule(
                "ExpectColumnValuesToBeBetween",
                probability,
                "A proposed action had a positive probability: evaluating other policies divides by it.",
            ),
        ),
        key_columns=("customer_key", "kind"),
    )
