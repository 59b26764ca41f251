-- The offers of each campaign: those that it made, and those that a system lists under it.
select
    campaign_key,
    offer_key
from {{ ref('fct_offer_made') }}
where campaign_key > 0 and offer_key > 0

union

select
    campaign_key,
    offer_key
from {{ ref('dim_offer') }}
where campaign_key > 0 and offer_key > 0
