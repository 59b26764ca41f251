{{ with_own_rows('stated_preferences', key='question_like') }}
