"""Optimizers: they turn gradients into steps.

A new optimizer is one class in a file here, derived from `optimizer.Optimizer`, and one line in the
registry.
"""
