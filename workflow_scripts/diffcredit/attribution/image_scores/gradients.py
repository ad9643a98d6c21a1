"""Scores from the stored gradient features of several models and their snapshots."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from diffcredit.attribution.gradients import store
from diffcredit.attribution.gradients.settings import GradientSettings
from diffcredit.attribution.image_scores.arrays import ImageScores
from diffcredit.attribution.image_scores.vectors import ComparedVectors, score
from diffcredit.config import ScoreAttribution
from diffcredit.registry import SCORES


@dataclass(frozen=True)
class SnapshotFeatures:
    """Gradient features by one model, on disk.

    Attributes:
        number: of the training of the model.
        snapshot: number of the model among the snapshots of its training, from 1.
        model: its folder.
        train: folder of each shard of the training images.
        queries: folder of each behavior's queries, or of their trajectories.
    """

    number: int
    snapshot: int
    model: Path
    train: list[Path]
    queries: dict[str, Path]

    @classmethod
    def of_paths(
        cls, number: int, snapshot: int, model: str, train: Sequence[str], queries: dict[str, str]
    ) -> SnapshotFeatures:
        """The same, of paths as texts."""
        of_queries = {behavior: Path(folder) for behavior, folder in queries.items()}
        return cls(number, snapshot, Path(model), [*map(Path, train)], of_queries)


@dataclass(frozen=True)
class StoredFeatures:
    """Gradient features of several models, on disk.

    Attributes:
        models: the features by each model.
        setting: the settings of the features.
        rates: mean learning rate before each snapshot, from the first on.
    """

    models: list[SnapshotFeatures]
    setting: GradientSettings
    rates: list[float]

    def score(self, entry: ScoreAttribution) -> Iterator[ImageScores]:
        """Scores of an entry of the configuration, one model after the other in memory.

        Raises:
            UserError: where features are of another model, or of other settings.
        """
        weights = self._weights(entry)
        for found in self.models:
            train = store.read(found.train, self._facts(found, "noise"))
            seen = ComparedVectors(
                train.gradients,
                self._queries(entry, found),
                train.residuals,
                model=found.number,
                weight=weights[found.snapshot],
            )
            yield from score(entry, seen)

    def _weights(self, entry: ScoreAttribution) -> dict[int, float]:
        """The weight of each snapshot that is used; weights sum to 1."""
        used = sorted({found.snapshot for found in self.models})
        rates = [self.rates[n - 1] if SCORES[entry.method.name].rated else 1.0 for n in used]
        return {n: rate / sum(rates) for n, rate in zip(used, rates, strict=True)}

    def _queries(self, entry: ScoreAttribution, of: SnapshotFeatures) -> dict[str, np.ndarray]:
        """(q, Z) gradients of each behavior's queries."""
        facts = self._facts(of, "journey" if SCORES[entry.method.name].trajectory else "noise")
        return {
            behavior: store.read([folder], facts).gradients
            for behavior, folder in of.queries.items()
        }

    def _facts(self, of: SnapshotFeatures, along: str) -> dict:
        return self.setting.facts(of.model, along)
