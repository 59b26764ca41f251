{{ union_of_contributions('device', identified_by=['device_id']) }}
