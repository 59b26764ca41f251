{%- set models = ['first', 'last', 'linear', 'position', 'data_driven'] -%}
with purchases as (
    select
        product_line,
        count(*) as purchase_count,
        cast(sum(purchase_amount) as double) as purchase_amount
    from {{ ref('bridge_interaction_product_line') }}
    where purchase_amount is not null and happened_at < {{ as_of() }}
    group by product_line
),

touches as (
    select
        paths.path_key,
        paths.product_line,
        paths.position_in_path,
        paths.path_length,
        paths.touch_kind,
        paths.touch_value,
        cast(paths.purchase_amount as double) as purchase_amount,
        effects.removal_effect,
        effects.removal_effect / sum(effects.removal_effect) over (partition by paths.path_key) as data_driven_weight
    from {{ ref('touch_path') }} as paths
    inner join {{ source('attribution', 'removal_effect') }} as effects
        on
            paths.product_line = effects.product_line
            and paths.touch_kind = effects.touch_kind
            and paths.touch_value = effects.touch_value
    where paths.outcome = 'purchased'
),

weighed as (
    select
        *,
        case when position_in_path = 1 then 1.0 else 0.0 end as first_weight,
        case when position_in_path = path_length then 1.0 else 0.0 end as last_weight,
        1.0 / path_length as linear_weight,
        -- The ends get 40 % each and what lies between shares 20 %; two touches share equally.
        case
            when path_length <= 2 then 1.0 / path_length
            when position_in_path in (1, path_length) then 0.4
            else 0.2 / (path_length - 2)
        end as position_weight
    from touches
),

summed as (
    select
        product_line,
        touch_kind,
        touch_value,
        min(removal_effect) as removal_effect,
        count(distinct path_key) as touched_purchase_count,
    {%- for model in models %}
        sum({{ model }}_weight) as {{ model }}_count,
        sum({{ model }}_weight * purchase_amount) as {{ model }}_amount{{ "," if not loop.last }}
    {%- endfor %}
    from weighed
    group by product_line, touch_kind, touch_value
),

tracked as (
    select
        product_line,
        count(*) as purchase_count,
        sum(purchase_amount) as purchase_amount
    from touches
    where position_in_path = 1
    group by product_line
),

untracked as (
    select
        purchases.product_line,
        purchases.purchase_count - coalesce(tracked.purchase_count, 0) as purchase_count,
        purchases.purchase_amount - coalesce(tracked.purchase_amount, 0) as purchase_amount
    from purchases
    left join tracked on purchases.product_line = tracked.product_line
),

credited as (
    {%- for model in models %}
        select
            product_line,
            '{{ model }}' as attribution_model,
            touch_kind,
            touch_value,
            touched_purchase_count,
            {{ model }}_count as credited_purchases,
            {{ model }}_amount as credited_amount,
            {{ 'removal_effect' if model == 'data_driven' else 'cast(null as double) as removal_effect' }}
        from summed

        union all

        select
            product_line,
            '{{ model }}' as attribution_model,
            'none' as touch_kind,
            cast(null as {{ dbt.type_string() }}) as touch_value,
            cast(0 as bigint) as touched_purchase_count,
            purchase_count as credited_purchases,
            purchase_amount as credited_amount,
            cast(null as double) as removal_effect
        from untracked
        {{ "union all" if not loop.last }}
    {%- endfor %}
)

select
    product_line,
    attribution_model,
    touch_kind,
    touch_value,
    touched_purchase_count,
    -- The last digits of a sum of fractions depend on its order: round them off.
    cast(round(credited_purchases, 9) as double) as credited_purchases,
    cast(round(credited_amount, 6) as double) as credited_amount,
    removal_effect
from credited
