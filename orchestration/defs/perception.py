"""What is learned from texts and relations, as assets: sentiment before core, influence once identity has decided."""

from typing import Any

import dagster as dg

from orchestration.defs.project import Installation

_OWNERS = ["team:customer-insight"]
_KINDS = {"duckdb", "python"}


def text_sentiment_asset(installation: Installation) -> dg.AssetsDefinition:
    """The sentiment of every distinct text; only new ones are scored."""

    @dg.asset(
        key=["perception", "text_sentiment"],
        group_name="perception",
        deps=[dg.AssetKey(["intermediate", "int_verbatim"])],
        description="One row per distinct text and language, with its sentiment; without the text.",
        owners=_OWNERS,
        kinds=_KINDS,
    )
    def text_sentiment() -> dg.MaterializeResult[Any]:
        from orchestration.perception import score_verbatims

        with installation.warehouse() as connection:
            result = score_verbatims(connection, "intermediate.int_verbatim")
        return dg.MaterializeResult(
            metadata={"dagster/row_count": result.texts, "scored_now": result.scored, "unknown": result.unknown}
        )

    return text_sentiment


def customer_influence_asset(installation: Installation) -> dg.AssetsDefinition:
    """PageRank of customers in the graph of relations."""

    @dg.asset(
        key=["perception", "customer_influence"],
        group_name="perception",
        deps=[dg.AssetKey(["intermediate", "int_influence_edge"])],
        description="One row per customer who stands in the graph of relations, with their PageRank.",
        owners=_OWNERS,
        kinds=_KINDS,
    )
    def customer_influence() -> dg.MaterializeResult[Any]:
        from orchestration.perception import rank_influence

        with installation.warehouse() as connection:
            result = rank_influence(connection, "intermediate.int_influence_edge")
        return dg.MaterializeResult(
            metadata={"dagster/row_count": result.customers, "people": result.people, "edges": result.edges}
        )

    return customer_influence
