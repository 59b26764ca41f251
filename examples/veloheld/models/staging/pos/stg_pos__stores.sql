{{ config(enabled=context360.adapter_is_on()) }}

{{ context360.staged_rows() }}
