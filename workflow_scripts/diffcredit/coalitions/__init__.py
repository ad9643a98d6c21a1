"""Removal distributions: which contributors are kept.

A coalition is a mask over the N contributors (True: kept). Coalition number i depends on the
distribution, its seed and i alone, so requesting more coalitions never changes existing ones.
"""
