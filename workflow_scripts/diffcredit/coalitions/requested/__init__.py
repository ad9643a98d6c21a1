"""Requested coalitions: they depend on attributions, for counterfactual evaluations."""
