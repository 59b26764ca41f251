{{ union_of_contributions('device_reading') }}
