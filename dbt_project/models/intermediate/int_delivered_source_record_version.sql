{{ union_of_contributions('source_record_version') }}
