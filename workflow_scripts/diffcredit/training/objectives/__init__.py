"""Objectives: what turns the retained and the removed batch of a step into a gradient.

A new unlearning method is a new file here and a line in the registry; where it has options, their
section in the schema. What is computed at once is a closed form, see `influence`.
"""
