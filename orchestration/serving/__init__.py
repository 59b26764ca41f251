"""What leaves the warehouse: the published copy, and what people read from it."""
