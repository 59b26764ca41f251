"""What is derived from texts and relations, as assets: sentiment before core, influence after identity resolution."""

import dagster as dg

from orchestration.defs.project import Installation
from orchestration.defs.python_assets import Figures, Work, nothing_else, python_assets


def text_sentiment_asset(installation: Installation) -> dg.AssetsDefinition:
    """The sentiment of every distinct text; only new ones are scored."""
    return python_assets(
        installation,
        {"perception.text_sentiment": "One row per distinct text and language, with its sentiment; without the text."},
        _score_texts,
        reads=["intermediate.int_verbatim"],
        made_from=nothing_else,
    )


def _score_texts(work: Work) -> Figures:
    from orchestration.perception import score_verbatims

    result = score_verbatims(work.connection, "intermediate.int_verbatim")
    return {"scored_now": result.scored, "unknown": result.unknown}


def customer_influence_asset(installation: Installation) -> dg.AssetsDefinition:
    """PageRank of customers in the graph of relations."""
    return python_assets(
        installation,
        {"perception.customer_influence": "One row per customer in the graph of relations, with their PageRank."},
        _rank_customers,
        reads=["intermediate.int_influence_edge"],
        made_from=nothing_else,
    )


def _rank_customers(work: Work) -> Figures:
    from orchestration.perception import rank_influence

    result = rank_influence(work.connection, "intermediate.int_influence_edge")
    return {"people": result.people, "edges": result.edges}
