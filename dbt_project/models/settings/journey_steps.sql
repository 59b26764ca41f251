{{ with_own_rows('journey_steps', key='journey_step') }}
