{#- What customers paid before the as of, one row per order line (returns are negative) and booking. This macro and
    fct_interaction.is_purchase say what a purchase is: an order with a line of kind `purchase`, whatever the touchpoint
    and the price (a service plan at 0, paid work in the workshop), or a booking of a stay. A cart is none, and a return
    is none: it lowers the value. is_purchase: whether the row belongs to a purchase; purchases are counted by
    interaction_key. The reporting amounts are null where no exchange rate is known. -#}
{% macro customer_payments() -%}
    select
        customer_key,
        order_line_key as payment_key,
        interaction_key,
        returned_interaction_key,
        ordered_at as paid_at,
        line_kind,
        line_kind = 'purchase' as is_purchase,
        product_key,
        net_amount,
        currency,
        reporting_net_amount,
        {{ in_reporting_currency('discount_amount', 'reporting_rate') }} as reporting_discount_amount,
        {{ in_reporting_currency('margin_amount', 'reporting_rate') }} as reporting_margin_amount
    from {{ ref('fct_order_line') }}
    where ordered_at < {{ as_of() }} and customer_key > 0

    union all

    select
        customer_key,
        booking_key as payment_key,
        interaction_key,
        cast(null as bigint) as returned_interaction_key,
        started_at as paid_at,
        'booking' as line_kind,
        true as is_purchase,
        -2 as product_key,
        net_amount,
        currency,
        reporting_net_amount,
        cast(null as decimal(18, 6)) as reporting_discount_amount,
        cast(null as decimal(18, 6)) as reporting_margin_amount
    from {{ ref('fct_booking') }}
    where started_at < {{ as_of() }} and customer_key > 0
{%- endmacro %}


{#- Purchases per product line before the as of, with their channel, and each once more as the line `any`, which also holds
    bookings and what belongs to no known line. -#}
{% macro line_purchases() -%}
    select customer_key, product_line, channel_key, happened_at as bought_at
    from {{ ref('bridge_interaction_product_line') }}
    where
        customer_key > 0
        and purchase_amount is not null
        and product_line <> 'unknown'
        and happened_at < {{ as_of() }}

    union all

    select customer_key, 'any' as product_line, channel_key, happened_at as bought_at
    from {{ ref('bridge_interaction_product_line') }}
    where customer_key > 0 and purchase_amount is not null and happened_at < {{ as_of() }}

    union all

    select customer_key, 'any' as product_line, booking_channel_key as channel_key, started_at as bought_at
    from {{ ref('fct_booking') }}
    where customer_key > 0 and started_at < {{ as_of() }}
{%- endmacro %}


{#- What each customer bought: the CTEs `payments`, `purchases` and `rhythms`. A purchase interval is the mean number of days
    between the days with a purchase: the customer's own from rhythm_least_purchase_days on, else the median of all
    customers who bought on several days. -#}
{% macro purchase_summary() -%}
payments as (
    {{ customer_payments() }}
),

purchases as (
    select
        customer_key,
        min(case when is_purchase then paid_at end) as first_purchase_at,
        max(case when is_purchase then paid_at end) as last_purchase_at,
        cast(count(distinct case when is_purchase then interaction_key end) as int) as purchase_count,
        cast(count(distinct case
            when is_purchase and paid_at >= {{ dbt.dateadd('year', -1, as_of()) }} then interaction_key
        end) as int) as purchase_count_12m,
        cast(sum(reporting_net_amount) as decimal(18, 6)) as current_value_amount,
        cast(
            coalesce(sum(case when paid_at >= {{ dbt.dateadd('year', -1, as_of()) }} then reporting_net_amount end), 0)
            as decimal(18, 6)
        ) as value_12m_amount,
        cast(sum(reporting_discount_amount) as decimal(18, 6)) as discount_amount,
        cast(coalesce(-sum(case when line_kind = 'return' then reporting_net_amount end), 0) as decimal(18, 6))
            as returned_amount,
        cast(sum(reporting_margin_amount) as decimal(18, 6)) as margin_amount,
        cast(
            sum(case when is_purchase then reporting_net_amount end)
            / nullif(count(distinct case
                when is_purchase and reporting_net_amount is not null then interaction_key
            end), 0)
            as decimal(18, 6)
        ) as average_purchase_amount,
        cast(count(distinct case when is_purchase and product_key > 0 then product_key end) as int) as product_count,
        cast(count(distinct case when is_purchase then cast(paid_at as date) end) as int) as purchase_day_count,
        {{ sorted_list_of('case when reporting_net_amount is null then currency end') }} as unconverted_currencies
    from payments
    group by customer_key
),

own_rhythms as (
    select
        customer_key,
        last_purchase_at,
        case
            when purchase_day_count > 1
                then
                    {{ dbt.datediff('cast(first_purchase_at as date)', 'cast(last_purchase_at as date)', 'day') }}
                    / cast(purchase_day_count - 1 as double)
        end as interval_days,
        purchase_day_count >= {{ var('rhythm_least_purchase_days') }} as has_own_rhythm
    from purchases
    where purchase_count > 0
),

common_rhythm as (
    select coalesce(median(interval_days), {{ var('rhythm_default_days') }}) as interval_days
    from own_rhythms
),

rhythms as (
    select
        own_rhythms.customer_key,
        case when own_rhythms.has_own_rhythm then own_rhythms.interval_days else common_rhythm.interval_days end
            as interval_days,
        {{ dbt.datediff('cast(own_rhythms.last_purchase_at as date)', 'cast(' ~ as_of() ~ ' as date)', 'day') }}
            as silent_days
    from own_rhythms
    cross join common_rhythm
)
{%- endmacro %}


{#- The forecast of purchases and value after the as of: the CTE `forecasts`. Two models say how likely a purchase within 90
    days is: the forecast of purchases, and the propensity to buy anything. The forecast expects n purchases of who is active
    with the chance a, so n / a of an active customer, and a purchase with a (1 - e^(-n / a)). Where the models differ by
    more than forecast_disagreement, neither is a fact, and the forecast is null with that basis; else who buys is still
    active. The day of the next purchase is null where the two place its even chance on different sides of 90 days. All is
    null of customers who may not be profiled. -#}
{% macro reconciled_forecasts() -%}
compared as (
    select
        expected.*,
        coalesce(
            expected.basis = 'model'
            and abs(
                bought.probability
                - expected.probability_alive
                * (1 - exp(-expected.expected_purchases_90d / nullif(expected.probability_alive, 0)))
            )
            > {{ var('forecast_disagreement') }},
            false
        ) as is_contradicted,
        -- The even chance is on one side of 90 days in both models, else the day is no fact.
        coalesce(
            (bought.probability / nullif(greatest(expected.probability_alive, bought.probability), 0) >= 0.5)
            <> (expected.next_purchase_date <= {{ dbt.dateadd('day', 90, as_of()) }}),
            false
        ) as is_day_contradicted,
        -- Who buys within 90 days is still active: never less likely so than a purchase.
        case
            when expected.probability_alive is not null
                then greatest(expected.probability_alive, coalesce(bought.probability, 0))
        end as probability_active
    from {{ source('predictions', 'value_score') }} as expected
    left join {{ source('predictions', 'propensity_score') }} as bought
        on
            expected.customer_key = bought.customer_key
            and bought.target = 'buy'
            and bought.product_line = 'any'
            and bought.horizon_days = 90
            and bought.basis = 'model'
),

forecasts as (
    select
        compared.customer_key,
        compared.currency,
        {%- for measure in [
            'expected_purchases_30d', 'expected_purchases_90d', 'expected_purchases_12m', 'expected_spend_amount',
            'expected_value_12m_amount',
        ] %}
        {{ profiled('case when not compared.is_contradicted then compared.' ~ measure ~ ' end') }} as {{ measure }},
        {%- endfor %}
        {{ profiled(
            'case when not compared.is_contradicted and not compared.is_day_contradicted'
            ~ ' then compared.next_purchase_date end'
        ) }} as next_purchase_date,
        {{ profiled('case when not compared.is_contradicted then compared.probability_active end') }}
            as probability_alive,
        {{ profiled("case when compared.is_contradicted then 'models disagree' else compared.basis end") }} as basis,
        {{ profiled('compared.model_version') }} as model_version,
        {{ profiled('compared.trained_as_of') }} as trained_as_of
    from compared
    {{ join_profiling_gate('compared.customer_key') }}
)
{%- endmacro %}
