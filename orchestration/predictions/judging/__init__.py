"""Judges campaigns, engagement points and policies of choosing actions by what happened afterwards."""
