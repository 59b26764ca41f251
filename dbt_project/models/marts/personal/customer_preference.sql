-- Which interests customers show is a profile: who may not be profiled has what they say.
-- What customers do (weighted by the decayed points of the exchange) beside what they say. A purchase of several
-- product lines is an exchange about each of them, and its weight is divided among them by money.
with interactions as (
    select
        facts.interaction_key,
        facts.customer_key,
        facts.is_purchase,
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

bought as (
    select
        interaction_key,
        product_line,
        purchase_amount,
        sum(purchase_amount) over (partition by interaction_key) as order_amount,
        count(*) over (partition by interaction_key) as line_count
    from {{ ref('bridge_interaction_product_line') }}
    where purchase_amount is not null and customer_key > 0 and happened_at < {{ as_of() }}
),

bought_lines as (
    select
        interactions.customer_key,
        bought.product_line,
        interactions.happened_at,
        bought.purchase_amount,
        interactions.weight
        * case
            when bought.order_amount > 0
                then cast(bought.purchase_amount as double) / cast(bought.order_amount as double)
            else 1.0 / bought.line_count
        end as weight
    from bought
    inner join interactions on bought.interaction_key = interactions.interaction_key
),

line_exchanges as (
    select
        customer_key,
        product_line,
        happened_at,
        weight,
        purchase_amount,
        1 as purchase_count
    from bought_lines
    where product_line <> 'unknown'

    union all

    select
        customer_key,
        product_line,
        happened_at,
        weight,
        0 as purchase_amount,
        0 as purchase_count
    from interactions
    where not is_purchase and product_line is not null
),

totals as (
    select
        customer_key,
        sum(purchase_amount) as purchase_amount,
        count(distinct interaction_key) as purchase_count
    from (
        select
            interactions.customer_key,
            bought.interaction_key,
            bought.purchase_amount
        from bought
        inner join interactions on bought.interaction_key = interactions.interaction_key
    ) as purchases
    group by customer_key
),

done as (
    select
        line_exchanges.customer_key,
        'product_line' as preference_kind,
        line_exchanges.product_line as item,
        sum(line_exchanges.weight) as weight,
        cast(count(*) as int) as exchange_count,
        max(line_exchanges.happened_at) as last_at,
        cast(sum(line_exchanges.purchase_amount) as double) / nullif(cast(max(totals.purchase_amount) as double), 0)
            as amount_share,
        cast(sum(line_exchanges.purchase_count) as double) / nullif(max(totals.purchase_count), 0) as purchase_share
    from line_exchanges
    left join totals on line_exchanges.customer_key = totals.customer_key
    group by line_exchanges.customer_key, line_exchanges.product_line

    union all

    {% for kind, column in {'content': 'content', 'channel': 'channel', 'device': 'device_class'}.items() %}
        select
            customer_key,
            '{{ kind }}' as preference_kind,
            {{ column }} as item,
            sum(weight) as weight,
            cast(count(*) as int) as exchange_count,
            max(happened_at) as last_at,
            cast(null as double) as amount_share,
            cast(null as double) as purchase_share
        from interactions
        where {{ column }} is not null
        group by customer_key, {{ column }}
        {{- "\n    union all" if not loop.last }}
    {%- endfor %}
),

revealed as (
    select
        done.customer_key,
        done.preference_kind,
        done.item,
        done.weight / sum(done.weight) over (partition by done.customer_key, done.preference_kind) as affinity,
        done.exchange_count,
        done.last_at,
        done.amount_share,
        done.purchase_share,
        cast(row_number() over (
            partition by done.customer_key, done.preference_kind
            order by {{ steady('done.weight') }} desc, done.last_at desc, done.item asc
        ) as int) as affinity_rank
    from done
    {{ join_profiling_gate('done.customer_key') }}
    where {{ may_be_profiled() }}
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
    cast({{ steady('revealed.affinity') }} as double) as affinity,
    revealed.affinity_rank,
    {{ profiled('coalesce(revealed.exchange_count, 0)') }} as exchange_count,
    revealed.last_at,
    revealed.amount_share,
    revealed.purchase_share,
    {{ no_profile_reason() }} as no_profile_reason
from revealed
full outer join stated
    on
        revealed.customer_key = stated.customer_key
        and revealed.preference_kind = stated.preference_kind
        and revealed.item = stated.item
{{ join_profiling_gate('coalesce(revealed.customer_key, stated.customer_key)') }}
