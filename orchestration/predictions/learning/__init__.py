"""Fits and measures models on arrays and data frames. Reads no warehouse and no file."""
