"""Pruners: they make a trained network smaller.

A new pruner is a new file here and a line in the registry: a function of (trained, ratio, material)
and its options that returns the smaller network and its size.
"""
