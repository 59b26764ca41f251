{{ config(materialized='table') }}

select identifier_kind from {{ ref('int_delivered_identifier') }}
where identifier_kind is not null

union

select identifier_kind from {{ ref('int_identifier_pair') }}
where identifier_kind is not null

union

select other_identifier_kind as identifier_kind from {{ ref('int_identifier_pair') }}
where other_identifier_kind is not null

union

select identifier_kind from {{ ref('identifier_kinds') }}
