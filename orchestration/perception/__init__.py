"""Sentiment of the texts that customers write, and their influence on others. Must not import Dagster."""

from orchestration.perception.influence import RankedInfluence, rank_influence
from orchestration.perception.sentiment import Sentiment, score_texts
from orchestration.perception.verbatims import ScoredVerbatims, score_verbatims

__all__ = ["RankedInfluence", "ScoredVerbatims", "Sentiment", "rank_influence", "score_texts", "score_verbatims"]
