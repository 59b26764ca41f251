{%- set gap_seconds = var('contact_gap_minutes') * 60 %}
-- The last session online of the day before the as of. A pause of `contact_gap_minutes` ends a session.
with online_channels as (
    select channel
    from {{ ref('channels') }}
    where presence = 'online'
),

clicks as (
    select
        *,
        case
            when
                {{ dbt.datediff('lag(happened_at) over earlier', 'happened_at', 'second') }} <= {{ gap_seconds }}
                then 0
            else 1
        end as begins_session
    from {{ ref('int_known_interaction') }}
    where
        channel in (select channel from online_channels)
        and direction = 'inbound'
        and happened_at >= {{ situation_begins_at() }}
    window earlier as (partition by customer_key, channel order by happened_at, interaction_key)
),

numbered_clicks as (
    select
        *,
        sum(begins_session) over (
            partition by customer_key, channel
            order by happened_at, interaction_key
            rows between unbounded preceding and current row
        ) as session_number
    from clicks
),

sessions as (
    select
        customer_key,
        channel,
        session_number,
        min(happened_at) as started_at,
        max(happened_at) as last_at,
        cast(count(case when touchpoint in ('web_view', 'app_view') then 1 end) as int) as page_count,
        row_number() over (partition by customer_key order by max(happened_at) desc, channel asc) as newest_rank
    from numbered_clicks
    group by customer_key, channel, session_number
),

last_sessions as (
    select * from sessions
    where newest_rank = 1
),

-- The product line of most clicks; ties go to the first by name.
session_lines as (
    select
        clicked.customer_key,
        products.product_line,
        row_number() over (
            partition by clicked.customer_key order by count(*) desc, products.product_line asc
        ) as line_rank
    from numbered_clicks as clicked
    inner join last_sessions
        on
            clicked.customer_key = last_sessions.customer_key
            and clicked.channel = last_sessions.channel
            and clicked.session_number = last_sessions.session_number
    inner join {{ ref('dim_product') }} as products on clicked.product_key = products.product_key
    where products.product_line is not null
    group by clicked.customer_key, products.product_line
)

select
    last_sessions.customer_key,
    last_sessions.channel,
    last_sessions.started_at,
    last_sessions.last_at,
    last_sessions.page_count,
    session_lines.product_line,
    {{ dbt.datediff('last_sessions.last_at', as_of(), 'second') }} <= {{ gap_seconds }} as is_running
from last_sessions
left join session_lines
    on last_sessions.customer_key = session_lines.customer_key and session_lines.line_rank = 1
