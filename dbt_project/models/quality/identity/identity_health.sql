{{ config(
    materialized='incremental',
    incremental_strategy=incremental_by_run(),
    unique_key=['run_id'],
    on_schema_change='append_new_columns',
    full_refresh=false
) }}

with records as (
    select * from {{ ref('int_source_record') }}
),

assignments as (
    select * from {{ source('identity', 'assignment') }}
),

assigned as (
    select
        records.source_system,
        records.source_record_id,
        records.given_name,
        records.birth_date,
        records.national_id,
        {{ content_key([
            'records.given_name', 'records.family_name', 'records.birth_date', 'records.email', 'records.phone',
            'records.street', 'records.house_number', 'records.postal_code', 'records.city', 'records.national_id',
            'records.loyalty_number'
        ]) }} as content_key,
        assignments.customer_id
    from records
    left join assignments
        on
            records.source_system = assignments.source_system
            and records.source_record_id = assignments.source_record_id
),

customers as (
    select
        customer_id,
        count(*) as record_count,
        count(distinct content_key) as different_record_count,
        count(distinct source_system) as system_count,
        count(distinct lower(given_name)) as given_name_count,
        count(distinct birth_date) as birth_date_count,
        count(distinct national_id) as national_id_count
    from assigned
    where customer_id is not null
    group by customer_id
),

over_customers as (
    select
        count(*) as customers,
        sum(record_count) as assigned_records,
        count(case when record_count = 1 then 1 end) as customers_of_1_record,
        count(case when record_count = 2 then 1 end) as customers_of_2_records,
        count(case when record_count between 3 and 5 then 1 end) as customers_of_3_to_5_records,
        count(case when record_count > 5 then 1 end) as customers_of_6_or_more_records,
        coalesce(max(different_record_count), 0) as largest_customer_records,
        coalesce(sum(case when record_count > 1 then record_count end), 0) as linked_records,
        coalesce(sum(case when system_count > 1 then record_count end), 0) as records_linked_across_systems,
        coalesce(max(given_name_count), 0) as most_given_names,
        coalesce(max(birth_date_count), 0) as most_birth_dates,
        count(case when national_id_count > 1 then 1 end) as customers_with_several_national_ids
    from customers
),

over_records as (
    select
        count(*) as source_records,
        count(distinct source_system) as source_systems,
        count(case when customer_id is null then 1 end) as unassigned_records
    from assigned
),

repeated as (
    select count(*) as records_assigned_twice
    from (
        select
            source_system,
            source_record_id
        from assignments
        group by source_system, source_record_id
        having count(*) > 1
    ) as twice
),

-- A period that ends now: the record belonged to another customer until this run.
moved as (
    select
        count(*) as moved_records,
        count(distinct case when present.customer_id is null then history.customer_id end) as given_up_customers
    from {{ source('identity', 'assignment_history') }} as history
    left join (select distinct customer_id from assignments) as present on history.customer_id = present.customer_id
    where history.valid_to = {{ as_of() }}
),

links as (
    select
        count(*) as links,
        count(case when link_type = 'model' then 1 end) as links_by_model
    from {{ source('identity', 'link') }}
),

refused as (
    select count(*) as refused_links
    from {{ source('identity', 'refused_link') }}
)

select
    {{ run_id() }} as run_id,
    {{ as_of() }} as as_of,
    over_records.source_records,
    over_records.source_systems,
    over_customers.customers,
    over_records.unassigned_records,
    repeated.records_assigned_twice,
    cast(over_customers.linked_records as double) / nullif(over_customers.assigned_records, 0) as linked_share,
    cast(over_customers.records_linked_across_systems as double) / nullif(over_customers.assigned_records, 0)
        as linked_across_systems_share,
    over_customers.customers_of_1_record,
    over_customers.customers_of_2_records,
    over_customers.customers_of_3_to_5_records,
    over_customers.customers_of_6_or_more_records,
    over_customers.largest_customer_records,
    over_customers.most_given_names,
    over_customers.most_birth_dates,
    over_customers.customers_with_several_national_ids,
    links.links,
    links.links_by_model,
    refused.refused_links,
    moved.moved_records,
    cast(moved.moved_records as double) / nullif(over_customers.assigned_records, 0) as moved_share,
    moved.given_up_customers
from over_records
cross join over_customers
cross join repeated
cross join moved
cross join links
cross join refused
