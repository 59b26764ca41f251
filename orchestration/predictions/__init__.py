"""Predicts what customers will do from what they did: their value, their propensities, and the effect of campaigns.

Three packages, whose imports go one way (judging -> scoring -> learning):
learning  fits and measures models on arrays and data frames, without a warehouse
scoring   reads finished models of the dbt project, trains and scores over the warehouse, keeps models and scores
judging   judges what was done: effects of campaigns, engagement points, and policies of choosing actions
Nothing here imports Dagster or dbt.
"""
