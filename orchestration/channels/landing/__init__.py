"""Landing: what the source systems delivered, as Parquet, append-only. The warehouse needs no other copy.

    {landing_url}/{system}/{stream}/
        incoming/   loads that wait for their judgement, {load_id}.{file_id}.parquet
        rows/       accepted loads: what staging reads
        held/       loads that a blocking rule stopped
        rejects/    rows that could not be read, with the reason
        _moves/     decided moves between those folders; empty unless one was interrupted
        _dlt_*/     dlt's bookkeeping. A load exists once `_dlt_loads` holds its marker, and not before

A process may be killed at any point: the next `land_stream` finishes what was extracted, removes files of loads without
a marker, and only then reads the source again. Whether a load is good is decided in `channels/intake`.

    land              land_stream: one stream from its source to incoming/
    loads             complete loads: list, accept, hold
    folder            the folder of one stream, local or in an object store
    pipeline          dlt: the pipeline of one stream, its state and its types
    declared_columns  files without rows that make an empty stream readable
"""
