"""Random projections of gradients that keep inner products.

The gradient of a layer is a matrix D^T A, a sum over positions of outer products of output
gradients (D) and inputs (A). Large factors are first projected to ``SIDE`` directions each, so that
the full matrix is never stored. Its entries then get random signs and are added up, in random
order, in Z buckets that the layers share. Both steps preserve inner products in expectation.

All random numbers come from the CPU, from a seed and the name of the layer.
"""

from dataclasses import dataclass

import numpy as np
import torch

from diffcredit.seeds import derive

#: Number of directions that a factor of a layer's gradient is projected to.
SIDE = 64


@dataclass(frozen=True)
class Projection:
    """A random projection of gradients to Z dimensions.

    Attributes:
        dimensions: Z.
        seed: of all random numbers.
        side: directions of a projected factor; see the module.
    """

    dimensions: int
    seed: int
    side: int = SIDE

    def factor(self, size: int, layer: str, role: str) -> torch.Tensor | None:
        """(side, size) random directions R with E R^T R = 1; None for a small factor."""
        if size <= self.side:
            return None
        rng = np.random.default_rng(derive(self.seed, "factor", layer, role))
        directions, upper = np.linalg.qr(rng.standard_normal((size, self.side)))
        directions *= np.sign(np.diag(upper)) * np.sqrt(size / self.side)
        return torch.from_numpy(directions.T.astype(np.float32).copy())

    def fold(self, size: int, layer: str, offset: int) -> "Buckets":
        """The assignment of the ``size`` entries of a layer's gradient to the Z buckets."""
        rng = np.random.default_rng(derive(self.seed, "fold", layer))
        places = -(-size // self.dimensions) * self.dimensions
        order = np.zeros(places, dtype=np.int32)
        signs = np.zeros(places, dtype=np.int8)
        chosen = rng.permutation(places)[:size]
        order[chosen] = np.arange(size)
        signs[chosen] = rng.integers(0, 2, size, dtype=np.int8) * 2 - 1
        return Buckets(torch.from_numpy(order), torch.from_numpy(signs), self.dimensions)


@dataclass(frozen=True)
class Buckets:
    """Signed entries, added up in Z buckets.

    Attributes:
        order: (k Z,) the entry at each place; each bucket has k places.
        signs: (k Z,) 1 or -1; 0 for empty places.
        dimensions: Z.
    """

    order: torch.Tensor
    signs: torch.Tensor
    dimensions: int

    def to(self, device: torch.device) -> "Buckets":
        """A copy on a device."""
        return Buckets(self.order.to(device), self.signs.to(device), self.dimensions)

    def add(self, entries: torch.Tensor, total: torch.Tensor) -> None:
        """Add (n, size) entries to a (n, Z) total."""
        placed = entries.index_select(1, self.order) * self.signs
        total += placed.reshape(len(entries), -1, self.dimensions).sum(1)


@dataclass(frozen=True)
class Exact:
    """No projection: the gradients themselves, concatenated over layers.

    For small networks, and to measure the error of a projection.

    Attributes:
        dimensions: number of parameters.
    """

    dimensions: int

    def factor(self, size: int, layer: str, role: str) -> None:
        """No projection of factors."""

    def fold(self, size: int, layer: str, offset: int) -> "ColumnRange":
        """The columns of a layer follow those of the layers before it."""
        return ColumnRange(slice(offset, offset + size))


@dataclass(frozen=True)
class ColumnRange:
    """The columns of a layer in the concatenated gradient."""

    columns: slice

    def to(self, device: torch.device) -> "ColumnRange":
        """Return itself: there is nothing to move."""
        return self

    def add(self, entries: torch.Tensor, total: torch.Tensor) -> None:
        """Add (n, size) entries to their columns of a (n, parameters) total."""
        total[:, self.columns] += entries
