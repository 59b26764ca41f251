{#- The exchange rate of an amount: joins int_exchange_rate as `rates` to rows with a currency. moment: of the row, whose
    rate is the last one before it. -#}
{% macro join_exchange_rate(rows, moment) -%}
left join {{ ref('int_exchange_rate') }} as rates
    on
        {{ rows }}.currency = rates.currency
        and {{ rows }}.{{ moment }} >= rates.valid_from
        and {{ rows }}.{{ moment }} < rates.valid_to
{%- endmacro %}


{#- An amount in the reporting currency, to 6 decimals; null where no rate is known, or where the result has more than
    twelve digits before the decimal point. -#}
{% macro in_reporting_currency(amount, rate) -%}
    case
        when abs(cast({{ amount }} as double) * cast({{ rate }} as double)) < 1e12
            then cast({{ amount }} * {{ rate }} as decimal(18, 6))
    end
{%- endmacro %}
