"""Behaviors: what is measured on a model, through the images that it draws or by itself.

A measure is a class of one file and one line in the registry, which says what it compares and
which way is good; its options are keyword arguments, in a section of their own of the
configuration. It is built from the `evidence.Evidence` of the images that samples are compared
with, and called with that of a model's samples; see `inception_score` for the plainest one. One
that looks for given images among the samples is built from the evidence of these, too; see
`occurrence`. A measure of the model itself is built from given images; see `denoising_loss`, and
`reconstruction` for one that sees them through an extractor.
"""
