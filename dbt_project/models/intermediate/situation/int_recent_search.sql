-- What each customer searched on the web site in the day before the as of.
select
    customer_key,
    cast(count(*) as int) as search_count,
    {{ sorted_list_of('detail') }} as terms,
    max(happened_at) as last_searched_at
from {{ ref('int_known_interaction') }}
where touchpoint = 'web_search' and happened_at >= {{ situation_begins_at() }}
group by customer_key
