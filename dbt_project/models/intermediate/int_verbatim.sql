-- Survey answers and complaints are interactions too, with their text.
with said as (
    select
        verbatim,
        language
    from {{ ref('int_interaction') }}
)

select
    {{ text_key('verbatim', 'language') }} as text_key,
    min(verbatim) as verbatim,
    min(language) as language
from said
where verbatim is not null
group by {{ text_key('verbatim', 'language') }}
