"""Objectives: what turns the retained and the removed batch of a step into a gradient.

A new unlearning method is a new file here and a line in the registry.
"""
