{{ config(materialized='table') }}

{{ union_of_contributions('identifier_pair', identified_by=['identifier_value', 'other_identifier_value']) }}
