"""The warehouse file and dbt upon it: plain functions, without Dagster."""
