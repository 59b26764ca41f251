{{ config(enabled=adapter_is_on()) }}

{{ staged_rows() }}
