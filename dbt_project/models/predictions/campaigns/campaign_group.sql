-- People who do not differ in anything that the effect depends on are one row with a count.
select
    campaign_key,
    is_treated,
    has_bought,
    purchases_before,
    count(*) as people,
    count(case when is_mixed then 1 end) as mixed
from {{ ref('campaign_person') }}
group by campaign_key, is_treated, has_bought, purchases_before
