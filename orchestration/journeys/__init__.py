"""The part of journeys that SQL cannot compute: data-driven attribution of purchases to touches."""
