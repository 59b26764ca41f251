{#- How names of people and streets are written. -#}

{#- 'JAN DE VRIES' and 'jan de vries' -> 'Jan de Vries'; 'McDonald' stays as it is: a name in mixed letters was written
    so. Particles (name_particles) stay small, a part after a hyphen, an O' or a Mc begins with a capital. -#}
{% macro cased_name(name) -%}
    case
        when {{ name }} = lower({{ name }}) or {{ name }} = upper({{ name }})
            then {{ adapter.dispatch('name_in_capitals', 'context360')(name) }}
        else {{ name }}
    end
{%- endmacro %}

{% macro duckdb__name_in_capitals(name) -%}
    array_to_string(list_transform(string_split(lower({{ name }}), ' '), lambda word:
        case
            when word in {{ context360.name_particles() }} then word
            else array_to_string(list_transform(string_split(word, '-'), lambda part:
                {{ context360._name_part('part') }}), '-')
        end
    ), ' ')
{%- endmacro %}

{% macro spark__name_in_capitals(name) -%}
    array_join(transform(split(lower({{ name }}), ' '), word ->
        case
            when word in {{ context360.name_particles() }} then word
            else array_join(transform(split(word, '-'), part ->
                {{ context360._name_part('part') }}), '-')
        end
    ), ' ')
{%- endmacro %}

{% macro _name_part(part) -%}
    case
        when {{ part }} like 'mc__%'
            then 'Mc' || upper(substring({{ part }}, 3, 1)) || substring({{ part }}, 4)
        when substring({{ part }}, 2, 1) in (chr(39), chr(8217)) and substring({{ part }}, 1, 1) in ('o', 'd', 'l')
            then upper(substring({{ part }}, 1, 3)) || substring({{ part }}, 4)
        else upper(substring({{ part }}, 1, 1)) || substring({{ part }}, 2)
    end
{%- endmacro %}


{#- Words of a family name that stay small (name_particles), as a list. -#}
{% macro name_particles() -%}
    (
        {%- for particle in var('name_particles') %}
            {% if particle.startswith("'") %}chr(39) || '{{ particle[1:] }}'{% else %}'{{ particle }}'{% endif %}
            {{- ',' if not loop.last }}
        {%- endfor %}
    )
{%- endmacro %}


{#- The last word of a name. -#}
{% macro last_word_of(name) -%}
    {{ context360.regex_replaced(name, '^.* ', '') }}
{%- endmacro %}

{#- The words of a record's name, as they were delivered. -#}
{% macro whole_name(given_name, family_name) -%}
    trim(coalesce({{ given_name }}, '') || ' ' || coalesce({{ family_name }}, ''))
{%- endmacro %}

{#- The given name; of one that stands behind the family name (is_swapped) the last word. -#}
{% macro given_name_in_order(given_name, family_name, is_swapped) -%}
    {%- set whole = context360.whole_name(given_name, family_name) -%}
    {{ context360.cased_name(
        'case when ' ~ is_swapped ~ ' then ' ~ context360.last_word_of(whole) ~ ' else ' ~ given_name ~ ' end'
    ) }}
{%- endmacro %}

{#- The family name; of one that stands before the given name (is_swapped) all words but the last. -#}
{% macro family_name_in_order(given_name, family_name, is_swapped) -%}
    {%- set whole = context360.whole_name(given_name, family_name) -%}
    {{ context360.cased_name(
        'case when ' ~ is_swapped ~ ' then trim(substring(' ~ whole ~ ', 1, length(' ~ whole ~ ') - length('
        ~ context360.last_word_of(whole) ~ '))) else ' ~ family_name ~ ' end'
    ) }}
{%- endmacro %}


{#- 'Kerkstraat 25' -> 'Kerkstraat', also where a system writes the number in both fields. A number that reads as a year is
    part of the name: 'Plein 1944'. A number in front stays, as in '9720 William Prairie': there it is read in front. -#}
{% macro street_alone(street, house_number) -%}
    case
        when {{ house_number }} is null then {{ context360._house_number_split(street, '\\1') }}
        when lower({{ street }}) like '% ' || lower({{ house_number }})
            then trim(substring({{ street }}, 1, length({{ street }}) - length({{ house_number }})))
        else {{ street }}
    end
{%- endmacro %}

{#- The house number; 'Kerkstraat 25' -> '25' where it stands in the street only, null where no number does. -#}
{% macro house_number_alone(street, house_number) -%}
    coalesce({{ house_number }}, nullif({{ context360._house_number_split(street, '\\2') }}, {{ street }}))
{%- endmacro %}

{#- What is kept of a street with its number behind it; the street as it is where it has none. -#}
{% macro _house_number_split(street, kept) -%}
    {%- set number = '[0-9]{1,3}|1[0-7][0-9]{2}|2[1-9][0-9]{2}|[3-9][0-9]{3}' -%}
    {%- set addition = '(?: ?(?:[A-Za-z]|bis|ter))?(?: ?[-/] ?[0-9]{1,4}[A-Za-z]?)?' -%}
    {%- set trailing = '^(.*\\p{L}[.]?(?: (?:1[89]|20)[0-9]{2})?),? +((?:' ~ number ~ ')' ~ addition ~ ')$' -%}
    {{ context360.regex_replaced(street, trailing, kept) }}
{%- endmacro %}


{#- 'Jürgen' -> 'Jurgen': to compare names, as some systems cannot write accents. -#}
{% macro without_accents(name) -%}
    {{ adapter.dispatch('without_accents', 'context360')(name) }}
{%- endmacro %}

{% macro duckdb__without_accents(name) -%}
    strip_accents(translate(replace({{ name }}, 'ß', 'ss'), 'łøıđ', 'loid'))
{%- endmacro %}

{% macro spark__without_accents(name) -%}
    translate(
        replace({{ name }}, 'ß', 'ss'),
        'àáâãäåąçčćèéêëęěìíîïñńňòóôõöőùúûüűůýÿšśžźżğşţřłøıđ',
        'aaaaaaaccceeeeeeiiiinnnoooooouuuuuuyysszzzgstrloid'
    )
{%- endmacro %}
