"""Libraries that are imported when they are first used.

A configuration loads the building blocks that it names to learn their options, and so does every
job that Snakemake starts: none of them may pay for torch or pandas there. A module of a building
block therefore takes these from here, and begins with ``from __future__ import annotations``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = ["pd", "torch"]


class _Lazy:
    """Stands for a module, and imports it when an attribute is read."""

    def __init__(self, name: str):
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(import_module(self._name), attribute)


if TYPE_CHECKING:
    import pandas as pd
    import torch as torch
else:
    pd = _Lazy("pandas")
    torch = _Lazy("torch")
