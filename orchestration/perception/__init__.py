"""What people say and whom they reach: sentiment of what they write, influence on others. No Dagster in here."""

from orchestration.perception.influence import RankedInfluence, rank_influence
from orchestration.perception.sentiment import Sentiment, score_texts
from orchestration.perception.verbatims import ScoredVerbatims, score_verbatims

__all__ = ["RankedInfluence", "ScoredVerbatims", "Sentiment", "rank_influence", "score_texts", "score_verbatims"]
