-- A pair with a placeholder, such as an all-zero device, says nothing; quality.unusable_identifier counts it.
select *
from (
    {{ union_of_contributions('identifier_pair') }}
) as pairs
where identifier_value is not null and other_identifier_value is not null
