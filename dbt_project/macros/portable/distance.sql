{#- Distance in metres between two points in degrees (WGS 84) on a sphere of the Earth's mean radius, 6,371,008.8 m (IUGG):
    haversine formula, R. W. Sinnott, Virtues of the Haversine, Sky and Telescope 68 (1984). Off by at most 0.6 %, because
    the Earth is no sphere. `least` guards against rounding at the antipodes. -#}
{% macro distance_metres(latitude, longitude, other_latitude, other_longitude) -%}
    2 * 6371008.8 * asin(sqrt(least(1.0,
        power(sin(radians({{ other_latitude }} - {{ latitude }}) / 2), 2)
        + cos(radians({{ latitude }})) * cos(radians({{ other_latitude }}))
        * power(sin(radians({{ other_longitude }} - {{ longitude }}) / 2), 2)
    )))
{%- endmacro %}


{#- Number of the row or column of a grid of hundredths of a degree in which a coordinate lies. A cell is 1.1 km high, and
    wide enough anywhere south of the polar circle: near points lie in neighbouring cells. -#}
{% macro grid_cell(degrees) -%}
    cast(floor({{ degrees }} * 100) as int)
{%- endmacro %}
