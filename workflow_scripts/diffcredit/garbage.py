"""Garbage collections that leave alone what was there before."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def only_of_what_follows() -> Iterator[None]:
    """Let garbage collections within the block skip all objects that exist before it.

    A collection that scans the imported libraries takes as long as some steps of a small training.
    Afterwards the objects are collected as ever, also when the interpreter ends: extension modules
    complain of those that are left then.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
