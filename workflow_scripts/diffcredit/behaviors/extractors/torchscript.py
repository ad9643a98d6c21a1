"""Networks that are published as TorchScript files."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from diffcredit.errors import UserError
from diffcredit.lazy import torch


def read(place: Path) -> Any:
    """Read a TorchScript file onto the CPU.

    A TorchScript file is a program that can run any code: only load the published file.

    Raises:
        UserError: if the file cannot be read.
    """
    try:
        with warnings.catch_warnings():  # Deprecated, but published files use it.
            warnings.simplefilter("ignore", FutureWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            return torch.jit.load(place, map_location="cpu")
    except (RuntimeError, ValueError, OSError) as error:
        raise UserError(f"{place} cannot be read as a TorchScript file: {error}") from error
