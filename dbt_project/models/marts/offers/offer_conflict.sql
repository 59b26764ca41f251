-- Two offers conflict when a customer, or customers of one household, could use both at the same time, both are for a
-- common product, and one is better. An offer conflicts with its customer when it was made while a complaint was open,
-- or after the consent for marketing was withdrawn.
with {{ offer_pairs() }},

made as (
    select
        facts.offer_made_key,
        facts.customer_key,
        facts.offer_key,
        facts.channel_key,
        facts.made_at,
        offers.product_key,
        offers.discount_percent,
        -- From its first day on, and not before the customer has it.
        greatest(coalesce(cast(offers.valid_from as timestamp), facts.made_at), facts.made_at) as usable_from,
        coalesce(
            cast(offers.valid_to as timestamp), {{ dbt.dateadd('day', var('offer_window_days'), 'facts.made_at') }}
        ) as usable_to
    from {{ ref('fct_offer_made') }} as facts
    inner join {{ ref('dim_offer') }} as offers on facts.offer_key = offers.offer_key
    where
        facts.customer_key > 0
        and facts.offer_key > 0
        and not facts.is_holdout
        and facts.made_at < {{ as_of() }}
),

households as (
    select distinct
        from_customer_key as customer_key,
        to_customer_key as other_customer_key
    from {{ ref('bridge_customer_relation') }}
    where relation_kind = 'household'
),

people as (
    select
        customer_key,
        customer_key as other_customer_key
    from {{ ref('dim_customer') }}
    where customer_key > 0

    union all

    select
        customer_key,
        other_customer_key
    from households
    where customer_key <> other_customer_key
),

discounts as (
    select
        case when better.customer_key = worse.customer_key then 'person_discount' else 'household_discount' end as rule,
        better.customer_key,
        better.offer_made_key,
        better.offer_key,
        better.channel_key,
        better.made_at,
        better.discount_percent,
        worse.customer_key as other_customer_key,
        worse.offer_made_key as other_offer_made_key,
        worse.offer_key as other_offer_key,
        worse.channel_key as other_channel_key,
        worse.made_at as other_made_at,
        worse.discount_percent as other_discount_percent,
        pairs.product_key,
        pairs.common_product_count,
        greatest(better.made_at, worse.made_at) as detected_at
    from made as better
    inner join people on better.customer_key = people.customer_key
    inner join pairs on better.offer_key = pairs.offer_key
    inner join made as worse
        on
            people.other_customer_key = worse.customer_key
            and pairs.other_offer_key = worse.offer_key
            and better.usable_from < worse.usable_to
            and better.usable_to > worse.usable_from
),

during_complaint as (
    select distinct made.offer_made_key
    from made
    inner join {{ ref('fct_complaint') }} as complaints on made.customer_key = complaints.customer_key
    where {{ is_open_at('complaints', 'made.made_at') }}
),

statements as (
    select
        customer_key,
        channel_key,
        is_granted,
        coalesce(given_through, 'unknown') as given_through,
        valid_from,
        valid_to,
        min(case when is_granted then valid_from end) over (partition by customer_key, channel_key) as first_granted_at
    from {{ ref('fct_consent') }}
    where customer_key > 0 and purpose = 'marketing'
),

-- An opt-out is a refusal after a consent, in any channel: it is addressed to the company. An unticked box at another
-- registration is none. A later consent for the channel of the offer undoes it there. The consent gate handles
-- customers who were never asked.
after_opt_out as (
    select made.offer_made_key
    from made
    inner join statements as opt_outs
        on
            made.customer_key = opt_outs.customer_key
            and made.made_at >= opt_outs.valid_from
            and (opt_outs.valid_to is null or made.made_at < opt_outs.valid_to)
    left join statements as consents
        on
            made.customer_key = consents.customer_key
            and made.channel_key = consents.channel_key
            and consents.is_granted
            and opt_outs.valid_from < consents.valid_from
            and made.made_at >= consents.valid_from
    where
        not opt_outs.is_granted
        and opt_outs.given_through <> 'registration'
        and opt_outs.first_granted_at < opt_outs.valid_from
        and consents.customer_key is null
    group by made.offer_made_key
),

said_no as (
    select
        'during_complaint' as rule,
        offer_made_key
    from during_complaint
    union all
    select
        'after_opt_out' as rule,
        offer_made_key
    from after_opt_out
),

conflicts as (
    select * from discounts

    union all

    select
        said_no.rule,
        made.customer_key,
        made.offer_made_key,
        made.offer_key,
        made.channel_key,
        made.made_at,
        made.discount_percent,
        made.customer_key as other_customer_key,
        cast(null as bigint) as other_offer_made_key,
        -2 as other_offer_key,
        -1 as other_channel_key,
        cast(null as timestamp) as other_made_at,
        cast(null as decimal(5, 2)) as other_discount_percent,
        made.product_key,
        cast(null as bigint) as common_product_count,
        made.made_at as detected_at
    from said_no
    inner join made on said_no.offer_made_key = made.offer_made_key
)

select
    {{ integer_key([
        'rule', 'cast(offer_made_key as ' ~ dbt.type_string() ~ ')',
        "coalesce(cast(other_offer_made_key as " ~ dbt.type_string() ~ "), '')"
    ]) }} as offer_conflict_key,
    *
from conflicts
