"""A firm's own folder: its catalog, its dbt project on top of the package, and its additions to the neutral rules.

Knows folders and files only: no Dagster, no warehouse. The product never changes anything in a firm's folder.
"""
