"""What of a network is trained: all of its parameters, or adapters beside them.

A new choice is a class of one file here that derives from `parameters.Parameters`, and a line in
the registry.
"""
