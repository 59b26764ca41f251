{{ config(materialized='table') }}

with delivered as (
    select
        source_system,
        source_interaction_id,
        touchpoint,
        channel,
        identifier_kind,
        identifier_value,
        happened_at,
        product_id,
        detail,
        cast(null as decimal(18, 6)) as amount,
        cast(null as {{ dbt.type_string() }}) as currency,
        cast(null as decimal(18, 6)) as reporting_amount,
        false as is_purchase,
        campaign_id,
        offer_id,
        content_id,
        device_id,
        location_id,
        session_id,
        responds_to_id,
        outcome,
        duration_seconds,
        url,
        qr_code,
        coupon_code,
        utm_source,
        utm_medium,
        utm_campaign,
        verbatim,
        language
    from {{ ref('int_delivered_interaction') }}
),

-- The lines of an order are in one currency or have no common amount. The order stands under the touchpoint of what was
-- bought and the identifier of the first line that has one.
orders as (
    select
        lines.source_system,
        lines.order_id,
        min_by(
            lines.touchpoint,
            case when lines.line_kind = 'purchase' then '0' else '1' end || coalesce(lines.touchpoint, '')
        ) as touchpoint,
        min_by(lines.identifier_kind, case when lines.identifier_value is not null then lines.order_line_id end)
            as identifier_kind,
        min_by(lines.identifier_value, case when lines.identifier_value is not null then lines.order_line_id end)
            as identifier_value,
        min(lines.ordered_at) as ordered_at,
        case when count(*) = 1 then min(lines.product_id) end as product_id,
        case
            when count(*) = 1 then min(lines.product_id)
            else cast(count(*) as {{ dbt.type_string() }}) || ' lines'
        end as detail,
        case when count(distinct lines.currency) = 1 then cast(sum(lines.net_amount) as decimal(18, 6)) end as amount,
        case when count(distinct lines.currency) = 1 then min(lines.currency) end as currency,
        case
            when count(*) = count(rates.rate)
                then cast(sum({{ in_reporting_currency('lines.net_amount', 'rates.rate') }}) as decimal(18, 6))
        end as reporting_amount,
        coalesce(max(case when lines.line_kind = 'purchase' then 1 else 0 end), 0) = 1 as is_purchase,
        min(lines.campaign_id) as campaign_id,
        min(lines.offer_id) as offer_id,
        min(lines.coupon_code) as coupon_code,
        min(lines.device_id) as device_id,
        min(lines.location_id) as location_id,
        min(lines.utm_source) as utm_source,
        min(lines.utm_medium) as utm_medium,
        min(lines.utm_campaign) as utm_campaign,
        min(lines.original_order_id) as original_order_id,
        min(lines.return_reason) as return_reason
    from {{ ref('int_order_line') }} as lines
    {{ join_exchange_rate('lines', 'ordered_at') }}
    group by lines.source_system, lines.order_id
),

-- The order bears its first coupon; each coupon is an interaction of its own.
order_interactions as (
    select
        orders.source_system,
        orders.order_id as source_interaction_id,
        orders.touchpoint,
        cast(null as {{ dbt.type_string() }}) as channel,
        orders.identifier_kind,
        orders.identifier_value,
        orders.ordered_at as happened_at,
        orders.product_id,
        orders.detail,
        orders.amount,
        orders.currency,
        orders.reporting_amount,
        orders.is_purchase,
        coalesce(orders.campaign_id, used_coupons.campaign_id) as campaign_id,
        coalesce(orders.offer_id, used_coupons.offer_id) as offer_id,
        cast(null as {{ dbt.type_string() }}) as content_id,
        orders.device_id,
        orders.location_id,
        cast(null as {{ dbt.type_string() }}) as session_id,
        orders.original_order_id as responds_to_id,
        orders.return_reason as outcome,
        cast(null as bigint) as duration_seconds,
        cast(null as {{ dbt.type_string() }}) as url,
        cast(null as {{ dbt.type_string() }}) as qr_code,
        coalesce(orders.coupon_code, used_coupons.coupon_code) as coupon_code,
        orders.utm_source,
        orders.utm_medium,
        orders.utm_campaign,
        cast(null as {{ dbt.type_string() }}) as verbatim,
        cast(null as {{ dbt.type_string() }}) as language
    from orders
    left join {{ ref('int_used_coupon') }} as used_coupons
        on
            orders.source_system = used_coupons.selling_system
            and orders.order_id = used_coupons.order_id
            and used_coupons.use_number = 1
),

-- The coupon of a friend identifies the referrer, not the buyer.
own_coupons as (
    select
        source_system,
        coupon_code,
        identifier_kind,
        identifier_value
    from {{ ref('int_coupon') }}
    where coupon_kind <> 'referral'
),

redemptions as (
    select
        redemptions.source_system,
        redemptions.redemption_id as source_interaction_id,
        redemptions.touchpoint,
        cast(null as {{ dbt.type_string() }}) as channel,
        case when orders.identifier_value is null then coupons.identifier_kind else orders.identifier_kind end
            as identifier_kind,
        coalesce(orders.identifier_value, coupons.identifier_value) as identifier_value,
        redemptions.redeemed_at as happened_at,
        cast(null as {{ dbt.type_string() }}) as product_id,
        redemptions.offer_id as detail,
        cast(null as decimal(18, 6)) as amount,
        cast(null as {{ dbt.type_string() }}) as currency,
        cast(null as decimal(18, 6)) as reporting_amount,
        false as is_purchase,
        redemptions.campaign_id,
        redemptions.offer_id,
        cast(null as {{ dbt.type_string() }}) as content_id,
        cast(null as {{ dbt.type_string() }}) as device_id,
        orders.location_id,
        cast(null as {{ dbt.type_string() }}) as session_id,
        cast(null as {{ dbt.type_string() }}) as responds_to_id,
        redemptions.order_id as outcome,
        cast(null as bigint) as duration_seconds,
        cast(null as {{ dbt.type_string() }}) as url,
        cast(null as {{ dbt.type_string() }}) as qr_code,
        redemptions.coupon_code,
        cast(null as {{ dbt.type_string() }}) as utm_source,
        cast(null as {{ dbt.type_string() }}) as utm_medium,
        cast(null as {{ dbt.type_string() }}) as utm_campaign,
        cast(null as {{ dbt.type_string() }}) as verbatim,
        cast(null as {{ dbt.type_string() }}) as language
    from {{ ref('int_used_coupon') }} as redemptions
    left join orders
        on redemptions.selling_system = orders.source_system and redemptions.order_id = orders.order_id
    left join own_coupons as coupons
        on redemptions.source_system = coupons.source_system and redemptions.coupon_code = coupons.coupon_code
),

bookings as (
    select
        bookings.source_system,
        bookings.booking_id as source_interaction_id,
        bookings.touchpoint,
        cast(null as {{ dbt.type_string() }}) as channel,
        bookings.identifier_kind,
        bookings.identifier_value,
        bookings.started_at as happened_at,
        cast(null as {{ dbt.type_string() }}) as product_id,
        bookings.booked_item || ', ' || bookings.booking_purpose || ', '
        || cast(bookings.number_of_nights as {{ dbt.type_string() }}) || ' nights' as detail,
        bookings.net_amount as amount,
        bookings.currency,
        {{ in_reporting_currency('bookings.net_amount', 'rates.rate') }} as reporting_amount,
        true as is_purchase,
        cast(null as {{ dbt.type_string() }}) as campaign_id,
        cast(null as {{ dbt.type_string() }}) as offer_id,
        cast(null as {{ dbt.type_string() }}) as content_id,
        cast(null as {{ dbt.type_string() }}) as device_id,
        cast(null as {{ dbt.type_string() }}) as location_id,
        cast(null as {{ dbt.type_string() }}) as session_id,
        cast(null as {{ dbt.type_string() }}) as responds_to_id,
        cast(null as {{ dbt.type_string() }}) as outcome,
        cast(null as bigint) as duration_seconds,
        cast(null as {{ dbt.type_string() }}) as url,
        cast(null as {{ dbt.type_string() }}) as qr_code,
        cast(null as {{ dbt.type_string() }}) as coupon_code,
        cast(null as {{ dbt.type_string() }}) as utm_source,
        cast(null as {{ dbt.type_string() }}) as utm_medium,
        cast(null as {{ dbt.type_string() }}) as utm_campaign,
        cast(null as {{ dbt.type_string() }}) as verbatim,
        cast(null as {{ dbt.type_string() }}) as language
    from {{ ref('int_booking') }} as bookings
    {{ join_exchange_rate('bookings', 'started_at') }}
),

survey_answers as (
    select
        source_system,
        survey_answer_id as source_interaction_id,
        touchpoint,
        cast(null as {{ dbt.type_string() }}) as channel,
        identifier_kind,
        identifier_value,
        answered_at as happened_at,
        cast(null as {{ dbt.type_string() }}) as product_id,
        cast(cast(score as int) as {{ dbt.type_string() }})
        || ' of ' || cast(scale_maximum as {{ dbt.type_string() }})
        || coalesce(': ' || verbatim, '') as detail,
        cast(null as decimal(18, 6)) as amount,
        cast(null as {{ dbt.type_string() }}) as currency,
        cast(null as decimal(18, 6)) as reporting_amount,
        false as is_purchase,
        cast(null as {{ dbt.type_string() }}) as campaign_id,
        cast(null as {{ dbt.type_string() }}) as offer_id,
        cast(null as {{ dbt.type_string() }}) as content_id,
        cast(null as {{ dbt.type_string() }}) as device_id,
        cast(null as {{ dbt.type_string() }}) as location_id,
        cast(null as {{ dbt.type_string() }}) as session_id,
        cast(null as {{ dbt.type_string() }}) as responds_to_id,
        cast(null as {{ dbt.type_string() }}) as outcome,
        cast(null as bigint) as duration_seconds,
        cast(null as {{ dbt.type_string() }}) as url,
        cast(null as {{ dbt.type_string() }}) as qr_code,
        cast(null as {{ dbt.type_string() }}) as coupon_code,
        cast(null as {{ dbt.type_string() }}) as utm_source,
        cast(null as {{ dbt.type_string() }}) as utm_medium,
        cast(null as {{ dbt.type_string() }}) as utm_campaign,
        verbatim,
        language
    from {{ ref('int_survey_answer') }}
)

select * from delivered
union all
select * from order_interactions
union all
select * from redemptions
union all
select * from bookings
union all
select * from survey_answers
