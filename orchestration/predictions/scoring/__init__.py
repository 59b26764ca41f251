"""Trains models and scores customers over the warehouse, and keeps models and scores as files."""
