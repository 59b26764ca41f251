"""What journeys need beyond SQL: the data-driven attribution of purchases to touches."""
