"""The longer queries of the report on predictions, over the published marts."""

# Per currency: how many have a forecast, what they are expected to bring, and how much of it the top tenth.
TOTALS = """
    with valued as (
        select
            *,
            row_number() over (partition by currency order by expected_value_12m_amount desc) as place,
            count(*) over (partition by currency) as customers
        from marts.customer_value
        where expected_value_12m_amount is not null
    )
    select
        currency,
        count(*) as customer_count,
        sum(expected_value_12m_amount)::double as expected_amount,
        sum(expected_purchases_12m) as expected_purchases,
        sum(case when place <= ceil(customers / 10) then expected_value_12m_amount end)::double as top_tenth_amount
    from valued
    group by currency
    order by customer_count desc, currency
"""

# Bands of 1, 2 and 5 times a power of ten: values are spread over several of these.
BANDS = """
    with bounds as (
        select factor * power(10, exponent) as least
        from (values (1), (2), (5)) as factors (factor) cross join generate_series(1, 6) as exponents (exponent)
        union all
        select 0
    ),
    bands as (select least, lead(least) over (order by least) as upper from bounds)
    select valued.currency, bands.least, bands.upper, count(*) as customer_count
    from marts.customer_value as valued
    inner join bands
        on valued.expected_value_12m_amount >= bands.least
        and (bands.upper is null or valued.expected_value_12m_amount < bands.upper)
    group by all
    order by valued.currency, bands.least
"""

# One row per thing that is predicted. The figures are those that the version in use had on examples that it had not
# seen; where the base rate stands, those of the last one that was tried. What is new since the last training has scores
# and no training.
MODELS = """
    with scores as (
        select
            target, product_line, channel, horizon_days,
            bool_or(basis = 'model') as is_in_use,
            avg(base_rate) as base_rate,
            max(model_version) as model_version
        from marts.customer_propensity
        group by all
    ),
    last_trainings as (select * from marts.prediction_model where is_current and target <> 'value'),
    adopted as (
        select * from marts.prediction_model
        where decision in ('first', 'replaced')
        qualify row_number() over (partition by model_name, model_version order by trained_as_of desc) = 1
    ),
    joined as (
        select
            last_trainings.* replace (
                coalesce(last_trainings.target, scores.target) as target,
                coalesce(last_trainings.product_line, scores.product_line) as product_line,
                coalesce(last_trainings.channel, scores.channel) as channel,
                coalesce(last_trainings.horizon_days, scores.horizon_days) as horizon_days,
                coalesce(scores.model_version, last_trainings.model_version) as model_version
            ),
            coalesce(scores.is_in_use, last_trainings.decision <> 'abstains') as is_in_use,
            scores.base_rate as shown_rate
        from last_trainings
        full join scores
            on last_trainings.target = scores.target
            and last_trainings.product_line is not distinct from scores.product_line
            and last_trainings.channel is not distinct from scores.channel
            and last_trainings.horizon_days = scores.horizon_days
    )
    select
        joined.model_name, joined.title, joined.target, joined.product_line, joined.channel, joined.horizon_days,
        joined.is_in_use, joined.model_version, joined.decision, joined.reason,
        joined.trained_as_of as last_trained_as_of,
        adopted.trained_as_of as in_use_since,
        case when adopted.model_name is null then joined.base_rate else adopted.base_rate end as base_rate,
        coalesce(joined.shown_rate, joined.base_rate) as shown_rate,
        case when adopted.model_name is null then joined.auc else adopted.auc end as auc,
        case when adopted.model_name is null then joined.brier_skill else adopted.brier_skill end as brier_skill,
        case
            when adopted.model_name is null then joined.expected_calibration_error
            else adopted.expected_calibration_error
        end as expected_calibration_error,
        case
            when adopted.model_name is null then joined.top_decile_lift else adopted.top_decile_lift
        end as top_decile_lift,
        coalesce(adopted.useful_features, joined.useful_features) as useful_features,
        coalesce(adopted.notes, joined.notes) as notes
    from joined
    left join adopted on joined.model_name = adopted.model_name and joined.model_version = adopted.model_version
    order by
        case joined.target when 'buy' then 1 when 'respond' then 2 else 3 end,
        joined.product_line, joined.channel, joined.horizon_days
"""
