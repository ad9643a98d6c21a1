"""Optimizers: a function of groups of parameters and its options that returns one of torch's kind.

A new optimizer is a new file here and a line in the registry. The loop sets the learning rate of
each step, and saves what ``state_dict()`` holds, so that a training continues exactly.
"""
