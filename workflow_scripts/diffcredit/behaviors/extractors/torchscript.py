"""Networks that are published as TorchScript files."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from diffcredit.errors import UserError
from diffcredit.lazy import torch


def read(place: Path) -> Any:
    """Read a TorchScript file onto the CPU.

    It is a program: load no other file than the published one. The format leaves no choice.

    Raises:
        UserError: if it cannot be read.
    """
    try:
        with warnings.catch_warnings():  # The format is on its way out, the files stay.
            warnings.simplefilter("ignore", FutureWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            return torch.jit.load(place, map_location="cpu")
    except (RuntimeError, ValueError, OSError) as error:
        raise UserError(f"{place} cannot be read as a TorchScript file: {error}") from error
