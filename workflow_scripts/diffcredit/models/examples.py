"""Examples: training images as the model family encodes them, memory-mapped."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from diffcredit.errors import UserError
from diffcredit.files import read_array, read_json, whole, write_json

STORED, CONDITION, DIGESTS, FACTS = "stored.npy", "condition.npy", "digests.npy", "examples.json"
#: Bytes of the digest of an example.
SIZE = 16

Rows = slice | torch.Tensor | np.ndarray | Sequence[int]


@dataclass(frozen=True, eq=False)
class Examples:
    """n examples as a family encodes them; their content is read on access.

    Attributes:
        array: (N, ...) all stored examples; it may be memory-mapped.
        conditions: (N, ...) condition of each stored example; None for unconditional models.
        known: (N, SIZE) uint8 digest of each stored example; None computes digests when needed.
        rows: (n,) rows of these examples in the arrays; None for all.
    """

    array: np.ndarray
    conditions: np.ndarray | None = None
    known: np.ndarray | None = None
    rows: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.array if self.rows is None else self.rows)

    def __getitem__(self, chosen: Rows) -> "Examples":
        """Select examples by row numbers, a slice or an (n,) mask; no array is copied."""
        rows = np.arange(len(self.array)) if self.rows is None else self.rows
        return replace(self, rows=rows[chosen if isinstance(chosen, slice) else np.asarray(chosen)])

    @property
    def stored(self) -> torch.Tensor:
        """(n, ...) a copy of the examples as they are stored."""
        return torch.from_numpy(self._of(self.array))

    @property
    def condition(self) -> torch.Tensor | None:
        """(n, ...) a copy of what they are conditioned on; None where unconditional."""
        return None if self.conditions is None else torch.from_numpy(self._of(self.conditions))

    def _of(self, array: np.ndarray) -> np.ndarray:
        return np.array(array) if self.rows is None else array[self.rows]

    @cached_property
    def digest(self) -> str:
        """A digest of the content of these examples, in their order."""
        return hashlib.blake2b(self.digests.tobytes(), digest_size=SIZE).hexdigest()

    @cached_property
    def digests(self) -> np.ndarray:
        """(n, SIZE) uint8 digest of each example."""
        if self.known is not None:
            return self._of(self.known)
        conditions = None if self.conditions is None else self._of(self.conditions)
        return _digests(self._of(self.array), conditions)


def _digests(stored: np.ndarray, conditions: np.ndarray | None) -> np.ndarray:
    """(n, SIZE) uint8, from the content, type and shape of each example and of its condition."""
    arrays = [stored] if conditions is None else [stored, conditions]
    kind = repr([(array.dtype.str, array.shape[1:]) for array in arrays]).encode()
    found = np.empty((len(stored), SIZE), dtype=np.uint8)
    for row in range(len(stored)):
        hashed = hashlib.blake2b(kind, digest_size=SIZE)
        for array in arrays:
            hashed.update(np.ascontiguousarray(array[row]).data)
        found[row] = np.frombuffer(hashed.digest(), dtype=np.uint8)
    return found


def write(examples: Examples, folder: Path, facts: Mapping[str, Any] | None = None) -> None:
    """Write examples as arrays that can be memory-mapped, with their digests.

    Args:
        examples: all of them.
        folder: to write.
        facts: JSON values to store with them, such as the settings of their family.
    """
    with whole(folder) as part:
        part.mkdir()
        np.save(part / STORED, examples.stored.numpy(), allow_pickle=False)
        if (condition := examples.condition) is not None:
            np.save(part / CONDITION, condition.numpy(), allow_pickle=False)
        np.save(part / DIGESTS, examples.digests, allow_pickle=False)
        write_json(
            {"examples": len(examples), "digest": examples.digest, "facts": dict(facts or {})},
            part / FACTS,
        )


def read(folder: str | Path) -> Examples:
    """Map examples into memory and verify their digests.

    Their content is read once for the digests, so a training never continues on changed examples.

    Raises:
        UserError: if a file is missing, broken or changed.
    """
    folder = Path(folder)
    facts = read_json(folder / FACTS)
    conditions = read_array(folder / CONDITION) if (folder / CONDITION).exists() else None
    found = Examples(read_array(folder / STORED), conditions, read_array(folder / DIGESTS))
    lengths = {len(array) for array in (found.array, found.known) if array is not None}
    if lengths != {facts.get("examples")} or found.digest != facts.get("digest"):
        raise _broken(folder, "its digest is missing or wrong")
    if not np.array_equal(_digests(found.array, conditions), found.digests):
        raise _broken(folder, "its content has changed")
    return found


def _broken(folder: Path, reason: str) -> UserError:
    return UserError(
        f"{folder} cannot be read as examples: {reason}\n    Hint: delete the folder and run again."
    )
