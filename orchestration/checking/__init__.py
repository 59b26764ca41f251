"""A look at the newest deliveries through the firm's models, before a run: everything that is wrong, at once.

    findings   what is found, ranked
    texts      what the files of a system say by themselves: TODO, columns that nothing reads
    delivered  the newest deliveries, landed apart from those of runs
    judged     the models on them: rows in quarantine, unknown words, people who are not known

It must not hold rules of its own: what breaks a rule is what the models say. No value of a person is returned; a value
that cannot be read is shown by its form, digits as 9 and letters as a.
"""
