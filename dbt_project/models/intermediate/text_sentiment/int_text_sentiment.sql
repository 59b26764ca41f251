with scores as (
    select * from {{ source('perception', 'text_sentiment') }}
)

select
    text_key,
    polarity as sentiment,
    label as sentiment_label,
    language as text_language
from scores
