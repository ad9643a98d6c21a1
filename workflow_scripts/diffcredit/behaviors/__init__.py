"""Model behaviors, measured on a model's samples or on the model itself.

A new measure is one class in a file here, and one line in the registry. It derives from one of the
bases in `measure`, declares what it needs and which values are good, and has a nested class
``Options`` with its options and their checks against other keys of the configuration. A measure is
prepared once, and called with each model:

- `SampleMeasure`: prepared with the `image_features.ImageFeatures` of the reference images, called
  with those of a model's samples; see `entropy` for the simplest example.
- `PairMeasure`: prepared with the features of the full model's images, called with those of a
  model's samples from the same initial noises; see `similarity`.
- `QueryMeasure`: searches the samples for given images; prepared with the features of these and of
  the reference images; see `occurrence`.
- `ModelMeasure`: prepared with given images, called with the model itself; see `denoising_loss`,
  and `reconstruction` for a measure with an extractor.
"""
