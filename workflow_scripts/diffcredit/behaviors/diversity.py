"""Diversity: entropy of the samples over clusters of the reference images."""

from typing import Literal

import numpy as np
from scipy.cluster.hierarchy import fcluster, ward
from scipy.stats import entropy

from diffcredit.behaviors.distances import reduce_distances
from diffcredit.behaviors.evidence import Evidence
from diffcredit.errors import UserError
from diffcredit.logs import logger


class Diversity:
    """Entropy in bits of the frequencies of Ward clusters of the reference (Ward 1963).

    A sample belongs to the cluster to whose members its mean distance is least. Clustering takes
    memory of 4 n^2 bytes for n reference images.

    Two distances are offered. The published diversity (Lu et al. 2025, arXiv 2407.03153, whose code
    clusters the embeddings of BLIP-VQA) takes ``dot_product``: the distance of two images is the
    largest dot product of any two reference images minus their own dot product, and an image has
    distance 0 to itself. Features of different lengths make this another clustering than
    ``euclidean``, whose result may differ by half a bit.

    Args:
        reference: images that are clustered.
        clusters: their number.
        distance: "dot_product" or "euclidean".
    """

    def __init__(
        self,
        reference: Evidence,
        clusters: int = 20,
        distance: Literal["dot_product", "euclidean"] = "dot_product",
    ):
        if len(reference.features) < clusters:
            raise UserError(
                f"{len(reference.features)} reference images make no {clusters} clusters"
            )
        self.reference = reference.features
        self.distance = distance
        # Ward's method reads (n, d) as points, and n (n - 1) / 2 numbers as distances.
        euclidean = distance == "euclidean"
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

    def clusters(self, samples: Evidence) -> np.ndarray:
        """(n,) number of the cluster of each sample."""
        if self.distance == "dot_product":
            # The least mean of a constant minus dot products is the largest mean dot product.
            means = self.averages.T @ self.reference  # (clusters, d)
            return (samples.features @ means.T).argmax(axis=1)
        return reduce_distances(
            samples.features, self.reference, lambda strip: (strip @ self.averages).argmin(axis=1)
        )

    def __call__(self, samples: Evidence) -> float:
        """Between 0 and log2 of the number of clusters."""
        counts = np.bincount(self.clusters(samples), minlength=self.averages.shape[1])
        return float(entropy(counts, base=2))


def dot_product_distances(features: np.ndarray) -> np.ndarray:
    """(n (n - 1) / 2,) largest dot product, squared lengths included, minus that of each pair.

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
