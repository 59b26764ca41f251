{{ config(materialized='table') }}

{{ union_of_contributions('source_record') }}
