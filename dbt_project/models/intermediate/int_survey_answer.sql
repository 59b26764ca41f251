{{ union_of_contributions('survey_answer') }}
