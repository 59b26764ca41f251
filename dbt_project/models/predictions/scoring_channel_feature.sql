{{ channel_features("(select " ~ as_of() ~ " as moment)", everybody=true) }}
