{%- set settings = var('engagement_learning') -%}
select
    {{ as_of() }} as as_of,
    cast({{ settings['outcome_days'] }} as int) as outcome_days,
    cast({{ settings['least_history_days'] }} as int) as least_history_days,
    cast({{ var('engagement_half_life_days') }} as int) as half_life_days,
    cast({{ settings['sample_seed'] }} as int) as sample_seed
