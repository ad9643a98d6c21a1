"""Trained parameters: all parameters of a network, or adapters.

A new choice is one class in a file here, derived from `parameters.Parameters`, and one line in the
registry.
"""
