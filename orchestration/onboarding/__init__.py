"""A source system on board: look at what it delivers, and write the files of its staging folder.

    sources     what a SOURCE argument is: files, tables or an endpoint, as streams of the catalog
    rows        the rows of a stream in DuckDB, as its connector lands them
    profile     what the values of each column look like, measured by DuckDB over all rows
    roles       what each column is, from its name and its content
    keys        which columns identify a row, tested for nulls and repeats
    readings    which macro reads a column
    plan        what a stream contributes to, and what a person must decide
    files       the text of the files, from Jinja templates
    firm_files  writing into the firm's folder, and the difference to what is there

It must not hold what a run does: landing, staging and checks are those of a run. Nothing here prints or returns a
value of a person; evidence is a count, a share or a form.
"""
