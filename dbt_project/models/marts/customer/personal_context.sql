with customers as (
    select
        customer_key,
        stated_satisfaction,
        has_email_marketing_consent
    from {{ ref('dim_customer') }}
    where customer_key > 0
),

-- Every score on one scale, 0 (worst) to 1 (best), so that questions with different scales can be compared.
answers as (
    select
        customer_key,
        answered_at,
        verbatim,
        (score - scale_minimum) / nullif(scale_maximum - scale_minimum, 0) as satisfaction,
        row_number() over (partition by customer_key order by answered_at desc, survey_answer_key desc) as newest_rank
    from {{ ref('fct_survey_answer') }}
    where answered_at < {{ as_of() }} and customer_key > 0 and is_about_satisfaction
),

opinions as (
    select
        customer_key,
        cast(count(*) as int) as opinion_count,
        cast(avg(satisfaction) as double) as average_satisfaction,
        cast(avg(case when newest_rank > 1 then satisfaction end) as double) as earlier_satisfaction,
        max(case when newest_rank = 1 then cast(satisfaction as double) end) as last_satisfaction,
        max(case when newest_rank = 1 then verbatim end) as last_verbatim,
        max(answered_at) as last_opinion_at
    from answers
    group by customer_key
),

-- Texts of customers in any channel; a text without a sentiment does not count towards the average.
writings as (
    select
        customer_key,
        cast(count(*) as int) as verbatim_count,
        avg(polarity) as average_sentiment,
        avg(case when happened_at >= {{ dbt.dateadd('day', -var('sentiment_trend_days'), as_of()) }} then polarity end)
        - avg(
            case when happened_at < {{ dbt.dateadd('day', -var('sentiment_trend_days'), as_of()) }} then polarity end
        ) as sentiment_trend
    from (select
        *,
        cast(sentiment as decimal(9, 6)) as polarity
    from {{ ref('fct_interaction') }}) as facts
    where happened_at < {{ as_of() }} and customer_key > 0 and direction = 'inbound' and verbatim is not null
    group by customer_key
),

recommendations as (
    select
        customer_key,
        nps_class,
        answered_at,
        row_number() over (partition by customer_key order by answered_at desc, survey_answer_key desc) as newest_rank
    from {{ ref('fct_survey_answer') }}
    where answered_at < {{ as_of() }} and customer_key > 0 and nps_class is not null
),

referrals as (
    select
        to_customer_key as customer_key,
        cast(count(distinct from_customer_key) as int) as referral_count
    from {{ ref('bridge_customer_relation') }}
    where
        relation_kind = 'referred_by'
        and to_customer_key > 0
        and (since < {{ as_of() }} or since is null)  -- a source may report the referral without its day
    group by to_customer_key
),

-- Complaints as they stood at the as of: those resolved later were still open.
complaints as (
    select
        customer_key,
        cast(count(*) as int) as complaint_count,
        cast(count(case when {{ is_open_at('complaints', as_of()) }} then 1 end) as int) as open_complaint_count,
        max(opened_at) as last_complaint_at,
        max(case when newest_rank = 1 then complaint_kind end) as last_complaint_kind,
        cast(sum(case when reopened_at < {{ as_of() }} then reopened_count else 0 end) as int) as reopened_count
    from (
        select
            *,
            row_number() over (partition by customer_key order by opened_at desc, complaint_key desc) as newest_rank
        from {{ ref('fct_complaint') }}
        where opened_at < {{ as_of() }} and customer_key > 0
    ) as complaints
    group by customer_key
),

product_use as (
    select
        lines.customer_key,
        products.product_id,
        row_number() over (
            partition by lines.customer_key
            order by count(distinct lines.interaction_key) desc, max(lines.ordered_at) desc, products.product_id
        ) as product_rank
    from {{ ref('fct_order_line') }} as lines
    inner join {{ ref('dim_product') }} as products on lines.product_key = products.product_key
    where
        lines.ordered_at < {{ as_of() }} and lines.customer_key > 0 and products.product_key > 0
        and lines.line_kind = 'purchase'
    group by lines.customer_key, products.product_id
    -- One purchase shows no preference.
    having count(distinct lines.interaction_key) >= {{ var('preference_least_purchases') }}
),

purchase_channel_use as (
    select
        facts.customer_key,
        channels.channel,
        row_number() over (
            partition by facts.customer_key
            order by count(*) desc, max(facts.happened_at) desc, channels.channel
        ) as channel_rank
    from {{ ref('fct_interaction') }} as facts
    inner join {{ ref('dim_channel') }} as channels on facts.channel_key = channels.channel_key
    where facts.happened_at < {{ as_of() }} and facts.customer_key > 0 and facts.is_purchase and facts.channel_key > 0
    group by facts.customer_key, channels.channel
),

preferences as (
    select
        customer_key,
        max(case when preference_kind = 'product_line' and affinity_rank = 1 then item end) as revealed_product_line,
        max(case when preference_kind = 'content' and affinity_rank = 1 then item end) as revealed_content,
        max(case when preference_kind = 'device' and affinity_rank = 1 then item end) as revealed_device,
        {{ sorted_list_of("case when preference_kind = 'channel' and is_stated then item end") }} as stated_channels,
        {{ sorted_list_of("case when preference_kind = 'product_line' and is_stated then item end") }}
            as stated_product_lines
    from {{ ref('customer_preference') }}
    group by customer_key
),

traits as (
    select
        customer_key,
        cast(count(*) as int) as trait_count
    from {{ ref('customer_trait') }}
    group by customer_key
)

select
    customers.customer_key,
    coalesce(opinions.opinion_count, 0) as opinion_count,
    opinions.average_satisfaction,
    opinions.last_satisfaction,
    opinions.last_satisfaction - opinions.earlier_satisfaction as satisfaction_trend,
    opinions.last_opinion_at,
    opinions.last_verbatim,
    coalesce(writings.verbatim_count, 0) as verbatim_count,
    {{ profiled('cast(writings.average_sentiment as double)') }} as average_sentiment,
    {{ profiled('cast(writings.sentiment_trend as double)') }} as sentiment_trend,
    recommendations.nps_class,
    recommendations.answered_at as nps_answered_at,
    coalesce(referrals.referral_count, 0) as referral_count,
    {{ profiled("coalesce(recommendations.nps_class = 'promoter' and referrals.referral_count > 0, false)") }}
        as is_ambassador,
    {{ profiled('influences.influence_percentile') }} as influence_percentile,
    {{ profiled('coalesce(influences.follower_count, 0)') }} as follower_count,
    coalesce(complaints.complaint_count, 0) as complaint_count,
    coalesce(complaints.open_complaint_count, 0) as open_complaint_count,
    complaints.last_complaint_at,
    complaints.last_complaint_kind,
    coalesce(complaints.reopened_count, 0) as reopened_complaint_count,
    customers.stated_satisfaction,
    preferences.stated_channels,
    {{ profiled('purchase_channel_use.channel') }} as revealed_channel,
    preferences.stated_product_lines,
    {{ profiled('preferences.revealed_product_line') }} as revealed_product_line,
    {{ profiled('product_use.product_id') }} as revealed_product_id,
    {{ profiled('preferences.revealed_content') }} as revealed_content,
    {{ profiled('preferences.revealed_device') }} as revealed_device,
    coalesce(traits.trait_count, 0) as trait_count,
    customers.has_email_marketing_consent,
    {{ no_profile_reason() }} as no_profile_reason,
    freshness.fresh_until,
    coalesce(freshness.is_stale, false) as is_stale
from customers
left join opinions on customers.customer_key = opinions.customer_key
left join writings on customers.customer_key = writings.customer_key
left join {{ ref('fct_customer_influence') }} as influences on customers.customer_key = influences.customer_key
left join recommendations on customers.customer_key = recommendations.customer_key and recommendations.newest_rank = 1
left join referrals on customers.customer_key = referrals.customer_key
left join complaints on customers.customer_key = complaints.customer_key
left join product_use on customers.customer_key = product_use.customer_key and product_use.product_rank = 1
left join purchase_channel_use
    on customers.customer_key = purchase_channel_use.customer_key and purchase_channel_use.channel_rank = 1
left join preferences on customers.customer_key = preferences.customer_key
left join traits on customers.customer_key = traits.customer_key
{{ join_profiling_gate('customers.customer_key') }}
left join {{ ref('context_freshness') }} as freshness on freshness.context = 'personal'
