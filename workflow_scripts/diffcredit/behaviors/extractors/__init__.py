"""Feature extractors: what makes numbers of images for the measures.

An extractor is a file here with ``load(place, device)``, a line in the registry, and a section of
the configuration that says where its weights are. It subclasses `behaviors.evidence.Extractor`; see
`pixels` for the plainest one.
"""
