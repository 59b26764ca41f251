"""One module per source system: what the system records, and how it writes its rows."""
