"""Data quality rules per layer, and the one place that judges them with Great Expectations."""
