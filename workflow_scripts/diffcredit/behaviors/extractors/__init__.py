"""Feature extractors: what makes numbers of images for the measures.

A new extractor is one class in a file here, and one line in the registry. It derives from
`behaviors.extractor.Extractor`, says in ``gives`` what measures can ask of it, reads its weights in
``prepare(place, device)``, and declares in a nested class ``Options`` where they are; see `pixels`
for the plainest one, `sscd` for one with a file of weights, and `clip` for one of the hub's.
"""
