"""Behaviors: what is measured on a model, through the images that it draws or by itself.

A new measure is one class in a file here, and one line in the registry. It derives from the base of
its kind in `measure`, declares what it needs and which way is good, and has its options, with what
they ask of other keys of the configuration, in a nested class ``Options``. It is prepared once, and
called with each model:

- `SampleMeasure`: prepared with the `image_features.ImageFeatures` of the reference images, called
  with those of a model's samples; see `entropy` for the plainest one.
- `PairMeasure`: prepared with the features of the full model's images, called with those of a
  model's samples from the same initial noises; see `similarity`.
- `QueryMeasure`: looks for given images among the samples, and is prepared with the features of
  these and of the reference images; see `occurrence`.
- `ModelMeasure`: prepared with given images, called with the model itself; see `denoising_loss`,
  and `reconstruction` for one that sees images through an extractor.
"""
