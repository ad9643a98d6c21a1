"""Diversity: entropy of the samples over clusters of the reference images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from diffcredit.behaviors.distances import reduce_distances
from diffcredit.behaviors.measure import SampleMeasure
from diffcredit.config.counts import known_images
from diffcredit.config.sections import Several
from diffcredit.config.step_checks import at_most
from diffcredit.errors import UserError
from diffcredit.logs import logger

if TYPE_CHECKING:
    from diffcredit.behaviors.image_features import ImageFeatures
    from diffcredit.config import Config


class Diversity(SampleMeasure):
    """Entropy in bits of the frequencies of Ward clusters of the reference (Ward 1963).

    A sample belongs to the cluster with the least mean distance to its members. Clustering needs 4
    n^2 bytes of memory for n reference images.

    There are two distances. The published diversity (Lu et al. 2025, arXiv 2407.03153, whose code
    clusters the embeddings of BLIP-VQA) uses ``dot_product``: the largest dot product of any two
    reference images minus the dot product of the two images; an image has distance 0 to itself.
    With features of different lengths its clusters differ from those of ``euclidean``, and the
    diversity may differ by half a bit.
    """

    needs, better = "features", "higher"

    class Options(SampleMeasure.Options):
        """How the reference images are clustered."""

        clusters: Several = Field(20, description="Ward clusters, 2 or more")
        distance: Literal["dot_product", "euclidean"] = Field(
            "dot_product",
            description="dot_product (largest dot product minus that of two images, as published) "
            "or euclidean",
        )

        def problems(self, key: str, config: Config, base: Path) -> list[str]:
            """A message about more clusters than reference images."""
            known = known_images(config.data)
            return at_most(f"{key}.clusters", self.clusters, known, "training images")

    def prepare(self, reference: ImageFeatures) -> None:
        """Cluster the reference images.

        Raises:
            UserError: if there are fewer reference images than clusters.
        """
        from scipy.cluster.hierarchy import fcluster, ward

        clusters = self.options.clusters
        if len(reference.features) < clusters:
            raise UserError(
                f"{len(reference.features)} reference images make no {clusters} clusters"
            )
        self.reference = reference.features
        # Ward's method reads (n, d) as points, and n (n - 1) / 2 numbers as distances.
        euclidean = self.options.distance == "euclidean"
        tree = ward(self.reference if euclidean else dot_product_distances(self.reference))
        labels = fcluster(tree, clusters, "maxclust")
        members = labels[:, None] == np.unique(labels)
        self.averages = members / members.sum(axis=0)
        if members.shape[1] < clusters:
            logger.warning(
                "diversity: the reference images make %d clusters, not %d, because many are alike",
                members.shape[1],
                clusters,
            )

    def clusters(self, samples: ImageFeatures) -> np.ndarray:
        """(n,) number of the cluster of each sample."""
        if self.options.distance == "dot_product":
            # The least mean distance is the largest mean dot product.
            means = self.averages.T @ self.reference  # (clusters, d)
            return (samples.features @ means.T).argmax(axis=1)
        return reduce_distances(
            samples.features, self.reference, lambda strip: (strip @ self.averages).argmin(axis=1)
        )

    def __call__(self, samples: ImageFeatures) -> float:
        """Between 0 and log2 of the number of clusters."""
        from scipy.stats import entropy

        counts = np.bincount(self.clusters(samples), minlength=self.averages.shape[1])
        return float(entropy(counts, base=2))


def dot_product_distances(features: np.ndarray) -> np.ndarray:
    """(n (n - 1) / 2,) largest dot product, squared lengths included, minus each pair's dot
    product.

    Pairs are in SciPy's order: (0, 1), (0, 2), ..., (1, 2), ...
    """
    n = len(features)
    distances = np.empty(n * (n - 1) // 2)
    largest, start = np.square(features).sum(axis=1).max(), 0
    for row in range(n - 1):
        products = features[row + 1 :] @ features[row]
        distances[start : start + len(products)] = products
        start += len(products)
        largest = max(largest, products.max())
    return np.subtract(largest, distances, out=distances)
