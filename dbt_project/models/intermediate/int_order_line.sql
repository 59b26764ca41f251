{{ config(materialized='table') }}

{{ union_of_contributions('order_line') }}
