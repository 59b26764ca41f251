{#-
    The row rules of a canonical stream: a list of {name, when, reason}. `when` is true for a row that breaks the rule;
    `reason` is SQL for the sentence that says what is wrong and where to mend it. They follow from the model of the union:
    from `meta.canonical` (key, required), `meta.accepted` of a column, and the columns' names and types:

    key column            filled
    required column       filled
    any column            its value fits the type; an amount has at most twelve digits before the decimal point
    timestamp             within the settings moment_limits
    *_amount              within the settings amount_limits, by currency
    currency              filled where an amount is, and one of the settings currencies
    score                 on the scale from scale_minimum to scale_maximum
    touchpoint, channel,  in the vocabulary of that name, see `vocabularies`
    purpose, …
    net_amount            not negative for a purchase, not positive for a return
-#}
{% macro row_rules(canonical_stream, node, vocabularies) %}
    {%- set about = node.config.meta.canonical -%}
    {%- set columns = node['columns'].values() | list -%}
    {%- set names = columns | map(attribute='name') | list -%}
    {%- set rules = [] -%}
    {%- for name in about.key + about.required -%}
        {%- do rules.append({
            'name': name ~ '_is_missing',
            'when': 'contributed.' ~ name ~ ' is null and coalesce(contributed.unstorable_column, \'\') <> \'' ~ name ~ '\'',
            'reason': "'" ~ name ~ " is empty: deliver it, or fill it in the contribution'",
        }) -%}
    {%- endfor -%}
    {%- do rules.append({
        'name': 'value_does_not_fit',
        'when': 'contributed.unstorable_column is not null',
        'reason': "contributed.unstorable_column || ' does not fit its type (an amount has at most 12 digits before the "
            ~ "decimal point): correct it at the source, or its type in the contribution'",
    }) -%}
    {%- for column in columns if column.data_type == 'timestamp' -%}
        {%- set moment = 'contributed.' ~ column.name -%}
        {%- do rules.append({
            'name': column.name ~ '_is_out_of_range',
            'when': moment ~ ' < limits.earliest_at or ' ~ moment ~ ' > limits.latest_at or '
                ~ moment ~ ' = limits.placeholder_at',
            'reason': "'" ~ column.name ~ " is ' || " ~ context360._moment_text(moment) ~ " || ', and must be between ' || "
                ~ context360._moment_text('limits.earliest_at') ~ " || ' and ' || coalesce("
                ~ context360._moment_text('limits.latest_at') ~ ", 'any later moment') || ' and not '"
                ~ " || coalesce(" ~ context360._moment_text('limits.placeholder_at') ~ ", 'empty')"
                ~ " || ': correct it at the source, or set other limits in seeds/own_moment_limits.csv'",
        }) -%}
    {%- endfor -%}
    {%- set amounts = [] -%}
    {%- if 'currency' in names -%}
        {%- for column in columns if column.name.endswith('_amount') -%}
            {%- do amounts.append('contributed.' ~ column.name) -%}
        {%- endfor -%}
    {%- endif -%}
    {%- if amounts -%}
        {%- do rules.append({
            'name': 'currency_is_missing',
            'when': "nullif(trim(contributed.currency), '') is null and "
                ~ "coalesce(" ~ (amounts + ['null']) | join(', ') ~ ") is not null",
            'reason': "'an amount has no currency: deliver it, select it in the contribution, or state it for the system "
                ~ "under vars, default_currencies in dbt_project.yml'",
        }) -%}
    {%- endif -%}
    {%- for vocabulary in vocabularies -%}
        {%- do rules.append(context360._vocabulary_rule(vocabulary)) -%}
    {%- endfor -%}
    {%- for column in columns if (column.get('config') or {}).get('meta', {}).get('accepted') -%}
        {%- set accepted = column.config.meta.accepted -%}
        {%- do rules.append({
            'name': column.name ~ '_is_unknown',
            'when': 'contributed.' ~ column.name ~ " not in ('" ~ accepted | join("', '") ~ "')",
            'reason': "'" ~ column.name ~ " ' || " ~ context360._shown('contributed.' ~ column.name) ~ " || ' is none of "
                ~ accepted | join(', ') ~ ": map it to one of them in the contribution to " ~ canonical_stream ~ "'",
        }) -%}
    {%- endfor -%}
    {%- for amount in amounts -%}
        {%- do rules.append({
            'name': amount.split('.')[1] ~ '_is_out_of_range',
            'when': 'abs(' ~ amount ~ ') > coalesce(own_limit.most_amount, any_limit.most_amount)',
            'reason': "'" ~ amount.split('.')[1] ~ " is ' || " ~ context360._decimal_text(amount) ~ " || ' and must be at most ' || "
                ~ context360._decimal_text('coalesce(own_limit.most_amount, any_limit.most_amount)')
                ~ " || ' in either direction: correct it at the source, or set another limit in seeds/own_amount_limits.csv'",
        }) -%}
    {%- endfor -%}
    {%- if 'score' in names and 'scale_minimum' in names -%}
        {%- do rules.append({
            'name': 'score_is_off_its_scale',
            'when': 'contributed.score < contributed.scale_minimum or contributed.score > contributed.scale_maximum',
            'reason': "'score is ' || " ~ context360._decimal_text('contributed.score') ~ " || ' on a scale from ' || "
                ~ context360._text('contributed.scale_minimum') ~ " || ' to ' || "
                ~ context360._text('contributed.scale_maximum')
                ~ " || ': correct it at the source, or the scale in the contribution'",
        }) -%}
    {%- endif -%}
    {%- if 'line_kind' in names and 'net_amount' in names -%}
        {%- do rules.append({
            'name': 'purchase_is_negative',
            'when': "contributed.line_kind = 'purchase' and contributed.net_amount < 0",
            'reason': "'the net_amount of a purchase is ' || " ~ context360._decimal_text('contributed.net_amount')
                ~ " || ': correct its sign at the source, or make it a return in the contribution'",
        }) -%}
        {%- do rules.append({
            'name': 'return_is_positive',
            'when': "contributed.line_kind = 'return' and contributed.net_amount > 0",
            'reason': "'the net_amount of a return is ' || " ~ context360._decimal_text('contributed.net_amount')
                ~ " || ': correct its sign at the source or in the contribution, or make it a purchase'",
        }) -%}
    {%- endif -%}
    {%- if canonical_stream == 'exchange_rate' -%}
        {%- do rules.append({
            'name': 'rate_is_not_positive',
            'when': 'contributed.rate <= 0',
            'reason': "'rate is ' || " ~ context360._decimal_text('contributed.rate')
                ~ " || ' and must be above 0: what one unit of from_currency is worth in to_currency'",
        }) -%}
    {%- endif -%}
    {{ return(rules) }}
{% endmacro %}


{#- The known values of columns: {column, key (the column that holds them), relation, remedy}. The streams that bring
    identifiers make kinds known themselves. -#}
{% macro vocabularies(canonical_stream) %}
    {%- set channels = {'key': 'channel', 'relation': ref('channels'), 'seed': 'own_channels.csv'} -%}
    {%- set found = [
        dict(column='currency', key='currency', relation=ref('currencies'), seed='own_currencies.csv'),
        dict(column='from_currency', key='currency', relation=ref('currencies'), seed='own_currencies.csv'),
        dict(column='to_currency', key='currency', relation=ref('currencies'), seed='own_currencies.csv'),
        dict(column='touchpoint', key='touchpoint', relation=ref('touchpoints'), seed='own_touchpoints.csv'),
        dict(column='purpose', key='purpose', relation=ref('data_purposes'), seed='own_data_purposes.csv'),
        dict(channels, column='channel'),
        dict(channels, column='booking_channel'),
        dict(
            column='relation_kind', key='relation_kind', relation=ref('relation_weights'), seed='own_relation_weights.csv'
        ),
    ] -%}
    {%- if canonical_stream not in ('identifier', 'identifier_pair') -%}
        {%- set kinds = {
            'key': 'identifier_kind',
            'relation': ref('int_known_identifier_kind'),
            'seed': 'own_identifier_kinds.csv, or contribute it to the stream identifier',
        } -%}
        {%- do found.append(dict(kinds, column='identifier_kind')) -%}
        {%- do found.append(dict(kinds, column='other_identifier_kind')) -%}
    {%- endif -%}
    {{ return(found) }}
{% endmacro %}


{% macro _vocabulary_rule(vocabulary) %}
    {%- set value = 'contributed.' ~ vocabulary.column -%}
    {#- All currencies of the world are no help in a sentence. -#}
    {%- set listed = "'an ISO 4217 code'" if vocabulary.key == 'currency' else
        "(select " ~ context360.sorted_list_of(vocabulary.key) ~ " from " ~ vocabulary.relation ~ ")" -%}
    {{ return({
        'name': vocabulary.column ~ '_is_unknown',
        'when': value ~ ' is not null and known_' ~ vocabulary.column ~ '.' ~ vocabulary.key ~ ' is null',
        'reason': "'" ~ vocabulary.column ~ " ' || " ~ context360._shown(value) ~ " || ' is unknown; known is ' || "
            ~ listed ~ " || ': correct it, or add it to seeds/" ~ vocabulary.seed ~ "'",
    }) }}
{% endmacro %}


{% macro _text(expression) -%}
    cast({{ expression }} as {{ dbt.type_string() }})
{%- endmacro %}


{% macro _moment_text(expression) -%}
    substring(cast({{ expression }} as {{ dbt.type_string() }}), 1, 19)
{%- endmacro %}


{#- 12.500000 -> 12.5 -#}
{% macro _decimal_text(expression) -%}
    regexp_replace(cast({{ expression }} as {{ dbt.type_string() }}), '[.]?0+$', '')
{%- endmacro %}


{#- A value of a vocabulary column as a message may show it: what is long or has an @ may be personal. -#}
{% macro _shown(expression) -%}
    case
                when length({{ expression }}) <= 30 and {{ expression }} not like '%@%' then '`' || {{ expression }} || '`'
                else '(not shown)'
            end
{%- endmacro %}
