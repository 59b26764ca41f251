{#-
    Dates and moments from text. A text that is not one of the named forms is null: judged_rows puts its row in quarantine.
    Null is also what no clock shows: 24:00, 30 February, a local hour that summer time skips, and years before 1800 or
    after 2199: no living person was born earlier, and 0001, 1753 and 9999 stand for "unknown". A moment is naive UTC.
-#}

{% macro _year() -%}
    (?:18|19|20|21)[0-9][0-9]
{%- endmacro %}

{% macro _iso_date() -%}
    {{ context360._year() }}-[0-9][0-9]?-[0-9][0-9]?
{%- endmacro %}

{% macro _time_of_day() -%}
    (?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:[.][0-9]{1,9})?)?
{%- endmacro %}

{#- A text that holds a date in another order, with its date as ISO 8601 writes it; any other text as it is. -#}
{% macro _with_iso_date(text, date_pattern, iso_date) -%}
    {{ context360.regex_replaced(text, '^' ~ date_pattern ~ '(?:[ ]+(' ~ context360._time_of_day() ~ '))?$', iso_date ~ ' \\4') }}
{%- endmacro %}

{% macro _day_first(text, separators) -%}
    {{ context360._with_iso_date(
        text, '([0-9][0-9]?)' ~ separators ~ '([0-9][0-9]?)' ~ separators ~ '(' ~ context360._year() ~ ')', '\\3-\\2-\\1'
    ) }}
{%- endmacro %}

{% macro _month_first(text) -%}
    {{ context360._with_iso_date(
        text, '([0-9][0-9]?)/([0-9][0-9]?)/(' ~ context360._year() ~ ')', '\\3-\\1-\\2'
    ) }}
{%- endmacro %}

{% macro _date_of(text) -%}
    try_cast(regexp_extract({{ text }}, '^({{ context360._iso_date() }}) *$', 1) as date)
{%- endmacro %}

{#- The wall-clock time, without any zone. -#}
{% macro _clock_of(text) -%}
    try_cast(regexp_extract({{ text }}, '^({{ context360._iso_date() }}[ T]{{ context360._time_of_day() }})$', 1) as timestamp)
{%- endmacro %}


{#- '1986-05-08' and '19860508' -> 1986-05-08 -#}
{% macro date_from_iso_text(column) -%}
    {{ context360._date_of(context360.regex_replaced(
        context360.clean_text(column), '^(' ~ context360._year() ~ ')([0-9][0-9])([0-9][0-9])$', '\\1-\\2-\\3'
    )) }}
{%- endmacro %}

{#- '5/8/1986' -> 1986-05-08 -#}
{% macro date_from_us_text(column) -%}
    {{ context360._date_of(context360._month_first(context360.clean_text(column))) }}
{%- endmacro %}

{#- '08-05-1986', '8.5.1986' and '08/05/1986' -> 1986-05-08 -#}
{% macro date_from_day_first_text(column) -%}
    {{ context360._date_of(context360._day_first(context360.clean_text(column), '[-./]')) }}
{%- endmacro %}


{#- '9/7/2017 0:00' -> 2017-09-07 00:00:00, read as UTC -#}
{% macro timestamp_from_us_text(column) -%}
    {{ context360._clock_of(context360._month_first(context360.clean_text(column))) }}
{%- endmacro %}


{#- '2025-07-01T12:00:00Z' and '2025-07-01 12:00:00' -> 2025-07-01 12:00:00; '2025-07-01T12:00:00+02:00' -> 10:00:00.
    Without an offset it is UTC; a date alone is its midnight. A zone by name ('EST') is null: it can mean several. -#}
{% macro timestamp_from_utc_text(column) -%}
    {%- set text = 'upper(' ~ context360.clean_text(column) ~ ')' -%}
    {%- set clock = context360._iso_date() ~ '[ T]' ~ context360._time_of_day() -%}
    case
        when {{ text }} like '%:%+%' or {{ text }} like '%:%-%'
            then {{ context360._utc_from_offset_text(
                "regexp_extract(" ~ text ~ ", '^" ~ clock ~ " ?[+-](?:0[0-9]|1[0-4])(?::?[0-5][0-9])?$', 0)"
            ) }}
        else try_cast(
            regexp_extract({{ text }}, '^({{ context360._iso_date() }}$|{{ clock }})(?: ?(?:Z|UTC|GMT))?$', 1) as timestamp
        )
    end
{%- endmacro %}

{#- Both engines want seconds before an offset, and DuckDB no space. -#}
{% macro _utc_from_offset_text(text) -%}
    {{ adapter.dispatch('_utc_from_offset_text', 'context360')(context360.regex_replaced(
        "replace(replace(" ~ text ~ ", ' +', '+'), ' -', '-')", '([ T][0-9]+:[0-9]+)([+-])', '\\1:00\\2'
    )) }}
{%- endmacro %}

{% macro duckdb___utc_from_offset_text(text) -%}
    timezone('UTC', try_cast({{ text }} as timestamptz))
{%- endmacro %}

{#- Spark's sessions run in UTC. -#}
{% macro spark___utc_from_offset_text(text) -%}
    try_cast({{ text }} as timestamp)
{%- endmacro %}


{#- '01.07.2025 12:00' in Amsterdam -> 2025-07-01 10:00:00 UTC. Also reads '01-07-2025 12:00' and '2025-07-01 12:00'.
    time_zone: a name of the IANA database; by default the stream's in the catalog, or else the variable `time_zone`.
    An hour that the end of summer time repeats is the first one. An hour that its begin skips is null. -#}
{% macro utc_from_local_text(column, time_zone=none) -%}
    {%- set zone = time_zone or context360.stream_of_model().get('time_zone') or var('time_zone', 'UTC') -%}
    {%- set clock = context360._clock_of(context360._day_first(context360.clean_text(column), '[.-]')) -%}
    {#- By the difference to UTC of the day before, and of the day after: one of the two is in force, or none is. -#}
    {%- set by_the_day_before = context360._less_the_difference_of(clock, "- interval '1' day", zone) -%}
    {%- set by_the_day_after = context360._less_the_difference_of(clock, "+ interval '1' day", zone) -%}
    case
        when {{ context360._clock_in(by_the_day_before, zone) }} = {{ clock }} then {{ by_the_day_before }}
        when {{ context360._clock_in(by_the_day_after, zone) }} = {{ clock }} then {{ by_the_day_after }}
    end
{%- endmacro %}

{% macro _less_the_difference_of(clock, a_day_away, zone) -%}
    ({{ clock }} - ({{ context360._clock_in(clock ~ ' ' ~ a_day_away, zone) }} - ({{ clock }} {{ a_day_away }})))
{%- endmacro %}

{#- What the clocks of a zone show at a moment in UTC. -#}
{% macro _clock_in(moment, zone) -%}
    {{ adapter.dispatch('_clock_in', 'context360')(moment, zone) }}
{%- endmacro %}

{% macro duckdb___clock_in(moment, zone) -%}
    timezone('{{ zone }}', timezone('UTC', {{ moment }}))
{%- endmacro %}

{% macro spark___clock_in(moment, zone) -%}
    from_utc_timestamp({{ moment }}, '{{ zone }}')
{%- endmacro %}


{#- '1751371200' -> 2025-07-01 12:00:00. unit: seconds or milliseconds since 1970. Numbers before March 1973 are null:
    they would be another unit. -#}
{% macro timestamp_from_epoch_text(column, unit='seconds') -%}
    {%- set digits = {'seconds': 0, 'milliseconds': 3} -%}
    {%- if unit not in digits -%}
        {{ exceptions.raise_compiler_error(
            "timestamp_from_epoch_text reads seconds or milliseconds, and not " ~ unit ~ ": correct the unit."
        ) }}
    {%- endif -%}
    {%- set pattern = '^((?:[1-6][0-9]{9}|[1-9][0-9]{8})' ~ ('[0-9]{3}' if digits[unit] else '') ~ ')$' -%}
    {{ context360.timestamp_from_seconds(
        "try_cast(regexp_extract(" ~ context360.clean_text(column) ~ ", '" ~ pattern ~ "', 1) as bigint)"
        ~ (' / 1000.0' if digits[unit] else '')
    ) }}
{%- endmacro %}


{#- A number of seconds since 1970 -> the moment. -#}
{% macro timestamp_from_seconds(number) -%}
    {{ adapter.dispatch('timestamp_from_seconds', 'context360')(number) }}
{%- endmacro %}

{% macro duckdb__timestamp_from_seconds(number) -%}
    make_timestamp(cast(cast({{ number }} as double) * 1000000 as bigint))
{%- endmacro %}

{% macro spark__timestamp_from_seconds(number) -%}
    timestamp_micros(cast(cast({{ number }} as double) * 1000000 as bigint))
{%- endmacro %}


{#- A moment with its time zone -> the same moment on a clock in UTC. -#}
{% macro utc_from_zoned(column) -%}
    case
        when extract(year from {{ context360.quoted(column) }}) between 1800 and 2199
            then {{ adapter.dispatch('utc_from_zoned', 'context360')(context360.quoted(column)) }}
    end
{%- endmacro %}

{% macro duckdb__utc_from_zoned(column) -%}
    timezone('UTC', {{ column }})
{%- endmacro %}

{% macro spark__utc_from_zoned(column) -%}
    {{ column }}
{%- endmacro %}
