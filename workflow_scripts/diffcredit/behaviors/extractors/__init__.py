"""Feature extractors: they turn images into features for the measures.

A new extractor is one class in a file here, and one line in the registry. It derives from
`behaviors.extractor.Extractor`, lists in ``gives`` what it provides, reads its weights in
``prepare(place, device)``, and declares their location in a nested class ``Options``; see `pixels`
for the simplest one, `sscd` for one with a file of weights, and `clip` for a model of the hub.
"""
