"""Intake: land what is new, judge every waiting load, and let staging see only good ones.

A load is the unit of trust. One that breaks a blocking rule is held: it stays in landing, staging does not read it, and
the last good rows stay in use, so that one bad stream stops no other. Held loads are judged again in every run: they
return by themselves once the rule is corrected, and a newer good delivery of the same files replaces them.

    take_in          one stream: land, judge, record
    stream_source    what an intake needs to know of the stream and of the run
    judging          the verdict on a waiting load
    measures         what an accepted load says about time: its freshness and its latencies
    held_loads       loads that staging finds wrong, and what a user reads about a held load
    shape_faults     what is wrong with the shape of a load, in words
    conflicting_rows rows of one key that differ, in words
    load_register    quality.load: one row per load
    stream_status    quality.stream_status: one row per stream
    register_tables  both tables, and what older versions wrote into them
    freshness        up to when a load reaches, and which days it brings
    latency          how long events take until they land and are published
"""
