"""Features of models hold what was known at the moment: they use no later row, and training and scoring see the
same, and what the contexts say of customers is what the models look at.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import duckdb
import pytest
from demo_staging.test_situation import ANY_MOMENT, FACTS, known_until

from orchestration.channels.catalog_file import load_catalog
from orchestration.settings import settings_from
from orchestration.warehouse.dbt import DbtProject

FEATURES = ("scoring_customer_feature", "scoring_line_feature", "scoring_channel_feature")
# Further tables -> when a row became known, and how the columns that change later stood at the moment {at}
TABLES = FACTS | {
    "fct_offer_made": (
        "made_at",
        "case when reacted_at < {at} then reaction else 'none' end as reaction, "
        "case when reacted_at < {at} then reacted_at end as reacted_at",
    ),
    "bridge_interaction_product_line": ("happened_at", ""),
    "bridge_customer_relation": ("since", ""),
    "dim_customer_history": ("valid_from", "case when valid_to < {at} then valid_to end as valid_to"),
}
MOMENTS = (datetime(2024, 9, 1), datetime(2024, 10, 1), datetime(2024, 10, 14, 15, 30))


@pytest.fixture(scope="module")
def query_at(company) -> Callable[[str, datetime], str]:
    """The SQL of a table of features as of a moment."""
    installation = company.installation
    settings = settings_from({"CONTEXT360_HOME": str(installation.home)}, catalog=installation.catalog_argument)
    project = DbtProject(load_catalog(settings.catalog_path, settings.environment), settings)
    queries = {table: project.query(table, as_of=ANY_MOMENT) for table in FEATURES}
    return lambda table, moment: queries[table].replace(str(ANY_MOMENT), str(moment))


@pytest.fixture(scope="module")
def warehouse(company):
    with duckdb.connect(str(company.installation.home / "warehouse.duckdb"), read_only=True) as connection:
        yield connection


@pytest.mark.parametrize("table", FEATURES)
def test_features_do_not_use_later_rows(table: str, company, warehouse, query_at) -> None:
    for moment in MOMENTS:
        query = f"select * from ({query_at(table, moment)}) order by all"
        everything = warehouse.execute(query).fetchall()
        assert everything
        with known_until(company, moment, TABLES) as connection:
            assert connection.execute(query).fetchall() == everything


# What a careless change would write -> the correct expression.
LEAKS = {
    "scoring_customer_feature": {
        "facts.happened_at < known.moment": "true",
        "facts.added_at < known.moment": "true",
        "facts.opened_at < known.moment": "true",
        "history.valid_from < known.moment": "true",
    },
    "scoring_line_feature": {"bridge.happened_at < known.moment": "true"},
    "scoring_channel_feature": {"contacts.happened_at < known.moment": "true"},
}


@pytest.mark.parametrize(
    ("table", "written"), [(table, written) for table, leaks in LEAKS.items() for written in leaks]
)
def test_planted_leak_is_detected(table: str, written: str, company, warehouse, query_at) -> None:
    leak_free = []
    for moment in MOMENTS:
        right = query_at(table, moment)
        assert written in right
        query = f"select * from ({right.replace(written, LEAKS[table][written])}) order by all"
        everything = warehouse.execute(query).fetchall()
        with known_until(company, moment, TABLES) as connection:
            leak_free.append(connection.execute(query).fetchall() == everything)
    assert not all(leak_free)


@pytest.mark.parametrize("kind", ["customer", "line", "channel"])
def test_training_and_scoring_see_the_same_features_of_a_past_moment(kind: str, warehouse, query_at) -> None:
    (moments,) = warehouse.execute("select list(moment) from predictions.prediction_moment").fetchone()
    assert moments
    for moment in moments:
        trained = f"select * from predictions.training_{kind}_feature where moment = timestamp '{moment}'"
        scored = (
            f"select * from ({query_at(f'scoring_{kind}_feature', moment)}) as scored"
            " semi join predictions.training_customer_feature using (customer_key, moment)"
        )
        for one, other in ((trained, scored), (scored, trained)):
            assert warehouse.execute(f"select count(*) from ({one} except {other})").fetchone() == (0,)


def test_features_of_models_equal_the_contexts(warehouse) -> None:
    equal = {
        "relationship_context": {
            "tenure_days": "tenure_days", "recency_days": "recency_days", "purchase_count": "purchase_count",
            "purchase_count_365d": "purchase_count_12m", "current_value_amount": "current_value_amount::double",
            "value_12m_amount": "value_12m_amount::double", "discount_amount": "discount_amount::double",
        },
        "customer_engagement": {"engagement_points": "points_now"},
        "personal_context": {
            "complaint_count": "complaint_count", "open_complaint_count": "open_complaint_count",
            "average_sentiment": "average_sentiment", "average_satisfaction": "average_satisfaction",
        },
        "situational_context": {"cart_line_count": "cart_line_count"},
    }  # fmt: skip
    for mart, columns in equal.items():
        for feature, column in columns.items():
            ((customers, different),) = warehouse.execute(f"""
                select count(*), count(*) filter (
                    (mart.{column} is null) <> (feature.{feature} is null)
                    or abs(mart.{column} - feature.{feature}) > 1e-6
                )
                from predictions.scoring_customer_feature as feature
                inner join marts.{mart} as mart using (customer_key)
            """).fetchall()
            assert customers > 500
            assert different == 0, f"{mart}.{column}"


def test_every_fact_with_a_time_that_features_read_is_cut(query_at) -> None:
    read = {
        part.split('"')[0]
        for table in FEATURES
        for part in query_at(table, MOMENTS[0]).split('"core"."')[1:]
    }  # fmt: skip
    # Who may be profiled is as of the run, at each moment: who refuses now is learned from no more.
    timeless = {"dim_customer", "dim_touchpoint", "dim_channel", "dim_customer_profiling"}
    assert read - timeless <= set(TABLES)
