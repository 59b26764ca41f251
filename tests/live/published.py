"""A published warehouse of four invented customers, made by hand in the columns that the contracts promise.

C-1 Anna has granted profiling, C-2 Bram has refused it, C-3 and C-4 are a couple with one telephone and were never
asked. C-7 is a former number of Anna.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import yaml

from orchestration.settings import DBT_PACKAGE

AS_OF = "2026-01-31 06:00:00"
ANNA, BRAM, CHRIS, DORA = 1, 2, 3, 4


def write_published(path: Path, *, run_id: str = "run-1", anna_need: str = "cart_help") -> None:
    """Writes the warehouse. anna_need: the need of C-1, so that a later publication can differ."""
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema quality")
        connection.execute(
            f"create table quality.publication as select '{run_id}' as run_id, timestamp '{AS_OF}' as as_of"
        )
        for schema, table, columns in _contracts():
            connection.execute(f"create schema if not exists {schema}")
            connection.execute(f"create table {schema}.{table} ({', '.join(columns)})")
        for table, rows in _rows(anna_need).items():
            for row in rows:
                names, marks = ", ".join(row), ", ".join("?" for _ in row)
                connection.execute(f"insert into {table} ({names}) values ({marks})", list(row.values()))


def _contracts() -> list[tuple[str, str, list[str]]]:
    files = [DBT_PACKAGE / "models" / "core" / "_models.yml", *(DBT_PACKAGE / "models" / "marts").glob("*/_models.yml")]
    return [
        (
            "core" if file.parent.name == "core" else "marts",
            model["name"],
            [f'"{column["name"]}" {column["data_type"]}' for column in model["columns"]],
        )
        for file in files
        for model in yaml.safe_load(file.read_text())["models"]
        if model.get("columns")
    ]


def _rows(anna_need: str) -> dict[str, list[dict[str, Any]]]:
    people = {
        ANNA: ("Anna", "Aal", "1980-02-03", "anna@example.org", "+31612345678", "Delft"),
        BRAM: ("Bram", "Bos", "1975-05-06", "bram@example.org", "+31698765432", "Leiden"),
        CHRIS: ("Chris", "Cox", "1990-07-08", "chris@example.org", "+31611112222", "Gouda"),
        DORA: ("Dora", "Cox", "1992-09-10", "dora@example.org", "+31611112222", "Gouda"),
    }
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in (
        "core.dim_customer", "marts.customer_360", "marts.relationship_context", "marts.personal_context",
        "marts.situational_context", "core.bridge_customer_number", "core.bridge_source_record",
        "core.bridge_customer_identifier", "core.bridge_customer_name",
    )}  # fmt: skip
    scores = {
        "churn_risk": 0.25,
        "expected_purchases_12m": 2.5,
        "expected_value_12m_amount": 100,
        "value_basis": "model",
        "recency_score": 4,
    }
    for key, (given, family, born, email, phone, city) in people.items():
        known = {
            "customer_key": key, "display_name": f"{given} {family}", "birth_date": born, "email": email,
            "phone": phone, "city": city, "country": "NL", "occupation": "civil_servant", "source_systems": "shop",
            "source_record_count": 1, "match_probability": 1.0, "first_known_at": "2024-01-01",
            "loyalty_points": 1 if key == ANNA else None,
        }  # fmt: skip
        person = known | {"given_name": given, "family_name": family, "street": "Kade", "house_number": str(key)}
        relationship = {
            "purchase_count": 1, "purchase_count_12m": 1, "purchase_day_count": 1, "recency_days": 10,
            "last_purchase_at": "2026-01-21 10:00", "current_value_amount": 0, "value_12m_amount": 0,
            "returned_amount": 78.7, "currency": "EUR", "loyalty_tier": "silver", "interaction_count": 3,
        } | scores  # fmt: skip
        personal = {
            "opinion_count": 1, "average_satisfaction": 0.8, "verbatim_count": 0, "referral_count": 0,
            "complaint_count": 0, "open_complaint_count": 0, "influence_percentile": 90.0, "is_ambassador": False,
        }  # fmt: skip
        situational = {
            "as_of": AS_OF, "last_touchpoint": "email_sent", "last_channel": "email", "cart_line_count": 0,
            "last_interaction_at": "2026-01-30 09:00", "interaction_count_7d": 1, "is_session_running": False,
            "is_in_store": False, "connected_product_count": 0, "is_in_house": False, "search_count_1d": 0,
            "need": anna_need if key == ANNA else None,
        }  # fmt: skip
        rows["core.dim_customer"].append(
            person | {"has_email_marketing_consent": {ANNA: True, BRAM: False}.get(key), "loyalty_tier": "silver"}
        )
        rows["marts.relationship_context"].append(relationship | {"customer_key": key})
        rows["marts.personal_context"].append(personal | {"customer_key": key})
        rows["marts.situational_context"].append(situational | {"customer_key": key})
        rows["marts.customer_360"].append(
            known | relationship | personal | situational
            | {"stage": "trust", "stage_since": "2025-01-01", "engagement_points": 12.0, "segment": "loyal_buyers",
               "engagement_points_90d_ago": 12.0, "engagement_band": "high",
               "has_email_marketing_consent": {ANNA: True, BRAM: False}.get(key)}
        )  # fmt: skip
        rows["core.bridge_customer_number"].append({"customer_number": key, "customer_key": key})
        rows["core.bridge_source_record"].append(
            {"source_system": "shop", "source_record_id": f"K{key}", "customer_key": key}
        )
        rows["core.bridge_customer_name"].append({"customer_key": key, "given_name": given, "family_name": family})
        for kind, value in (("email", email), ("phone", phone)):
            rows["core.bridge_customer_identifier"].append(
                {"customer_key": key, "identifier_kind": kind, "identifier_value": value, "is_shared": phone == value
                 and key in (CHRIS, DORA), "source_systems": "shop"}
            )  # fmt: skip
    rows["core.bridge_customer_number"].append({"customer_number": 7, "customer_key": ANNA})
    # A cookie that was Bram's and is Anna's now.
    for key, until in ((ANNA, None), (BRAM, "2025-06-01")):
        rows["core.bridge_customer_identifier"].append(
            {"customer_key": key, "identifier_kind": "cookie", "identifier_value": "ck-1", "valid_to": until,
             "is_shared": False, "source_systems": "web"}
        )  # fmt: skip
    consent = {"channel": "app", "lawful_basis": "consent", "changed_at": "2025-01-01", "statement_count": 1}
    action = {
        "item": None, "channel": "email", "lawful_basis": "consent", "consent_changed_at": "2025-01-01",
        "proposal_probability": 0.95, "choice_count": 2, "is_greedy": True, "valid_until": "2026-03-01",
    }  # fmt: skip
    rows["marts.customer_consent"] = [
        consent | {"customer_key": ANNA, "purpose": "profiling", "is_granted": True},
        consent | {"customer_key": ANNA, "purpose": "marketing", "channel": "email", "is_granted": True},
        consent | {"customer_key": BRAM, "purpose": "profiling", "is_granted": False},
        consent | {"customer_key": BRAM, "purpose": "marketing", "channel": "email", "is_granted": False},
    ]
    rows["marts.next_best_action"] = [
        action | {"customer_key": key, "kind": kind, "action": name, "title": title, "evidence": "why",
                  "action_rank": n, "purpose": purpose, "reason": "because", "score": 1.0}
        for key in (ANNA, BRAM)
        for n, (kind, name, title, purpose) in enumerate(
            (("ease", "answer_complaint", "Answer the complaint", "service"),
             ("interest", "show_product_line", "Show what they look at", "marketing")), start=1)
    ]  # fmt: skip
    rows["marts.customer_need"] = [
        {"customer_key": ANNA, "need": anna_need, "as_of": AS_OF, "need_rank": 1, "title": "Help to finish the order",
         "signal": "abandoned_cart", "evidence": "items left in the cart: 1", "action": "remind_of_cart"}
    ]  # fmt: skip
    rows["marts.customer_timeline"] = [
        {"interaction_key": 1, "customer_key": ANNA, "display_name": "Anna Aal", "happened_at": "2026-01-21 10:00",
         "channel": "store", "touchpoint": "Purchase in a store", "direction": "inbound", "amount": 78.7,
         "currency": "EUR", "source_system": "till"},
        {"interaction_key": 2, "customer_key": ANNA, "display_name": "Anna Aal", "happened_at": "2026-01-30 09:00",
         "channel": "email", "touchpoint": "E-mail sent", "direction": "outbound", "source_system": "mail"},
    ]  # fmt: skip
    return rows
