{{ config(materialized='table') }}
{%- set least = var('name_least_records') -%}
{%- set most_other = var('name_most_other_share') -%}
-- How far the name of each source record can be relied on. The records themselves decide: a word that many
-- records have as given name, and few as family name, is one; behind a word that is none, the names are swapped.
with records as (
    select
        assignments.customer_id as customer_key,
        records.source_system,
        records.source_record_id,
        records.given_name,
        records.family_name,
        records.recorded_at,
        lower({{ whole_name('records.given_name', 'records.family_name') }}) as whole_name
    from {{ ref('int_source_record') }} as records
    inner join {{ source('identity', 'assignment') }} as assignments
        on
            records.source_system = assignments.source_system
            and records.source_record_id = assignments.source_record_id
    where records.family_name is not null
),

words as (
    select
        *,
        split_part(whole_name, ' ', 1) as first_word,
        {{ last_word_of('whole_name') }} as last_word
    from records
),

-- Per word: records that have it as given name, as last word of the family name, and at all.
used as (
    select
        word,
        sum(as_given) as given_count,
        sum(as_family) as family_count,
        count(distinct customer_key) as customer_count
    from (
        select
            customer_key,
            first_word as word,
            1 as as_given,
            0 as as_family
        from words

        union all

        select
            customer_key,
            last_word as word,
            0 as as_given,
            1 as as_family
        from words
    ) as occurrences
    group by word
),

judged as (
    select
        words.*,
        words.first_word <> words.last_word
        -- Besides this record, what stands first is a family name and no given name; what stands last is one, or an
        -- initial.
        and (
            (firsts.family_count >= 1 and firsts.given_count - 1 <= {{ most_other }} * firsts.family_count)
            or words.first_word in {{ name_particles() }}
        )
        and (
            length(replace(words.last_word, '.', '')) = 1
            or (
                lasts.given_count >= {{ least }}
                and lasts.family_count - 1 <= {{ most_other }} * lasts.given_count
            )
        ) as is_swapped,
        case when firsts.customer_count > 2 then 1 else 0 end + case when lasts.customer_count > 2 then 1 else 0 end
            as known_word_count
    from words
    left join used as firsts on words.first_word = firsts.word
    left join used as lasts on words.last_word = lasts.word
),

ordered as (
    select
        *,
        {{ given_name_in_order('given_name', 'family_name', 'is_swapped') }} as given_name_in_order,
        {{ family_name_in_order('given_name', 'family_name', 'is_swapped') }} as family_name_in_order
    from judged
),

described as (
    select
        *,
        length(replace(coalesce(given_name_in_order, ''), '.', '')) > 1 as is_complete,
        lower({{ whole_name('given_name_in_order', 'family_name_in_order') }}) as spelling,
        {{ without_accents('lower(' ~ whole_name('given_name_in_order', 'family_name_in_order') ~ ')') }}
            as plain_spelling,
        coalesce(given_name_in_order = given_name, given_name is null)
        and family_name_in_order = family_name as is_as_delivered
    from ordered
),

-- How well a system writes: the share of its names that need no repair and are written elsewhere, too.
systems as (
    select
        source_system,
        avg(case when is_complete and known_word_count = 2 and is_as_delivered then 1.0 else 0.0 end) as good_share
    from described
    group by source_system
),

agreed as (
    select
        described.*,
        systems.good_share,
        count(*) over (partition by described.customer_key, described.plain_spelling) as agreeing_count
    from described
    inner join systems on described.source_system = systems.source_system
)

-- A full name before an initial, then what most records say, with its accents, in words that two other customers
-- share, and not a short form; then how well the system writes, and the newest.
select
    source_system,
    source_record_id,
    is_swapped,
    cast(row_number() over (
        partition by customer_key
        order by
            case when is_complete then 1 else 0 end,
            agreeing_count,
            case when spelling <> plain_spelling then 1 else 0 end,
            known_word_count,
            length(given_name_in_order),
            good_share,
            case when recorded_at is null then 0 else 1 end,
            recorded_at,
            source_system,
            source_record_id
    ) as int) as name_precedence
from agreed
