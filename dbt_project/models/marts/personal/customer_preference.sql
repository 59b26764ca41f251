-- What customers do (weighted by the decayed points of the exchange) beside what they say.
with interactions as (
    select
        facts.customer_key,
        coalesce(products.product_line, contents.product_line) as product_line,
        contents.title as content,
        case when facts.channel_key > 0 then channels.channel end as channel,
        devices.device_class,
        facts.happened_at,
        {{ decayed(
            'greatest(facts.engagement_points, 1)', dbt.datediff('facts.happened_at', as_of(), 'day')
        ) }} as weight
    from {{ ref('fct_interaction') }} as facts
    inner join {{ ref('dim_product') }} as products on facts.product_key = products.product_key
    inner join {{ ref('dim_content') }} as contents on facts.content_key = contents.content_key
    inner join {{ ref('dim_channel') }} as channels on facts.channel_key = channels.channel_key
    inner join {{ ref('dim_device') }} as devices on facts.device_key = devices.device_key
    where facts.customer_key > 0 and facts.happened_at < {{ as_of() }} and facts.direction = 'inbound'
),

done as (
    {%- for kind, column in {
        'product_line': 'product_line', 'content': 'content', 'channel': 'channel', 'device': 'device_class'
    }.items() %}
        select
            customer_key,
            '{{ kind }}' as preference_kind,
            {{ column }} as item,
            sum(weight) as weight,
            cast(count(*) as int) as exchange_count,
            max(happened_at) as last_at
        from interactions
        where {{ column }} is not null
        group by customer_key, {{ column }}
        {{- "\n    union all" if not loop.last }}
    {%- endfor %}
),

revealed as (
    select
        customer_key,
        preference_kind,
        item,
        weight / sum(weight) over (partition by customer_key, preference_kind) as affinity,
        exchange_count,
        last_at,
        cast(row_number() over (
            partition by customer_key, preference_kind order by weight desc, last_at desc, item asc
        ) as int) as affinity_rank
    from done
),

answers as (
    select
        customer_key,
        question,
        (score - scale_minimum) / nullif(scale_maximum - scale_minimum, 0) as share,
        answered_at,
        source_system,
        row_number() over (
            partition by customer_key, question order by answered_at desc, survey_answer_key desc
        ) as newest_rank
    from {{ ref('fct_survey_answer') }}
    where customer_key > 0 and answered_at < {{ as_of() }} and not is_about_satisfaction
),

said as (
    select
        answers.customer_key,
        rules.preference_kind,
        rules.item,
        answers.answered_at as stated_at,
        answers.source_system
    from answers
    inner join {{ ref('stated_preferences') }} as rules
        on answers.question like rules.question_like and answers.share >= rules.least_share
    where answers.newest_rank = 1

    union all

    -- Consent to a channel states a preference for it; other lawful bases do not.
    select
        customer_key,
        'channel' as preference_kind,
        channel as item,
        changed_at as stated_at,
        source_systems
    from {{ ref('customer_consent') }}
    where is_granted and lawful_basis = 'consent' and purpose = 'marketing'
),

stated as (
    select
        customer_key,
        preference_kind,
        item,
        max(stated_at) as stated_at,
        {{ sorted_list_of('source_system') }} as stated_in
    from said
    group by customer_key, preference_kind, item
)

select
    coalesce(revealed.customer_key, stated.customer_key) as customer_key,
    coalesce(revealed.preference_kind, stated.preference_kind) as preference_kind,
    coalesce(revealed.item, stated.item) as item,
    stated.customer_key is not null as is_stated,
    stated.stated_at,
    stated.stated_in,
    cast(revealed.affinity as double) as affinity,
    revealed.affinity_rank,
    coalesce(revealed.exchange_count, 0) as exchange_count,
    revealed.last_at
from revealed
full outer join stated
    on
        revealed.customer_key = stated.customer_key
        and revealed.preference_kind = stated.preference_kind
        and revealed.item = stated.item
