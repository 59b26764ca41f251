"""Numbers that several layers' rules share, each with its reason and the date of its choice."""

# Days that an event may lie after landing: bookings are made ahead, and clocks can be wrong (2026-11-21).
MOST_DAYS_AHEAD = 730

# In a small delivery one stray row exceeds every share: up to five rows count as stray (2026-11-21).
STRAY_ROWS = 5

# Share of unreadable or keyless rows above which the delivery as a whole is not trusted: a broken export breaks most
# rows, a stray quotation mark a handful (2026-11-21).
MOST_UNREADABLE_SHARE = 0.01

# A load, or a system's contribution to a canonical stream, is not trusted as a whole if more of its rows than both of
# these are in quarantine: a changed format or a wrong mapping breaks most rows of a delivery, wrong values at the
# source a few. Bad rows of a small delivery wait in quarantine while its good rows flow (2026-11-28).
MOST_QUARANTINED_SHARE = 0.05
MOST_QUARANTINED_ROWS = 25

# Share of implausible values above which a derived rule warns (2026-11-21).
MOST_IMPLAUSIBLE_SHARE = 0.01

# A full copy of a table that has lost more than half its rows is more likely cut than true (2026-11-21).
LEAST_SHARE_OF_LAST_SNAPSHOT = 0.5
