"""Attributions: one value per contributor and behavior, with its uncertainty."""
