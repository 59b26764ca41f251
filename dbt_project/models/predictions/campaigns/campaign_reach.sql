select
    periods.campaign_key,
    periods.channel,
    periods.begins_at,
    periods.ends_at,
    periods.offer_count,
    -- Offers to people whose purchases are not visible from the first day on: unknown ones, and those known only later.
    count(case when people.customer_key is null then made.offer_made_key end) as left_out_count
from {{ ref('campaign_period') }} as periods
left join {{ ref('fct_offer_made') }} as made on periods.campaign_key = made.campaign_key
left join {{ ref('campaign_person') }} as people
    on made.campaign_key = people.campaign_key and made.customer_key = people.customer_key
group by periods.campaign_key, periods.channel, periods.begins_at, periods.ends_at, periods.offer_count
