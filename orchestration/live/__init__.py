"""The live service: events in, profiles and decisions out, and the agent's page. One process per home.

It reads what a run has published and writes only below `live/` in the home: accounts, tokens, the log of looks at
customers, and the log of events, which the next run takes in as any other source system.
"""
