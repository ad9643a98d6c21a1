"""Coalitions that attributions ask for, to see what happens without the contributors they name."""
