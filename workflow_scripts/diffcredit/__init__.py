"""diffcredit: credit the data behind a diffusion model.

The library behind the workflow. Imports point one way:
report -> evaluation -> attribution -> behaviors -> sampling, training -> models, data, coalitions
-> config. It never imports Snakemake and never knows where results lie: callers pass paths.
"""
