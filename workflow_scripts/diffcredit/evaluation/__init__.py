"""Evaluation of attributions; it reads only attributions and measured behaviors."""
