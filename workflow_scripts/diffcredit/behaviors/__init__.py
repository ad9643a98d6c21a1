"""Behaviors: what is measured on a model, through the images that it draws.

A measure is a class of one file and one line in the registry. It is built from the evidence of the
reference images, says with ``better`` which way is good, and is called with the evidence of a
model's samples; see `inception_score` for the plainest one.
"""
