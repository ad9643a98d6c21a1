"""Optimizers: what makes steps of gradients.

A new optimizer is a class of one file here that derives from `optimizer.Optimizer`, and one line in
the registry.
"""
