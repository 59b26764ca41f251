"""One module per source system: what it takes note of, and how it writes it down."""
