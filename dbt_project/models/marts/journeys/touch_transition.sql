-- Open paths have no outcome yet and are left out.
with paths as (
    select
        path_key,
        product_line,
        position_in_path,
        path_length,
        touch_kind,
        touch_value,
        outcome,
        lead(touch_kind) over (partition by path_key order by position_in_path) as next_kind,
        lead(touch_value) over (partition by path_key order by position_in_path) as next_value
    from {{ ref('touch_path') }}
    where outcome in ('purchased', 'lost')
),

moves as (
    select
        product_line,
        'start' as from_kind,
        cast(null as {{ dbt.type_string() }}) as from_value,
        touch_kind as to_kind,
        touch_value as to_value
    from paths
    where position_in_path = 1

    union all

    select
        product_line,
        touch_kind as from_kind,
        touch_value as from_value,
        coalesce(next_kind, outcome) as to_kind,
        next_value as to_value
    from paths
)

select
    product_line,
    from_kind,
    from_value,
    to_kind,
    to_value,
    count(*) as transition_count
from moves
group by product_line, from_kind, from_value, to_kind, to_value
