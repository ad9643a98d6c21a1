"""Scores from the stored gradient features of several models and their snapshots."""

from collections.abc import Iterator
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
class StoredFeatures:
    """Gradient features on disk, in folders .../<number>-<snapshot>/<kind>/<part>.

    Attributes:
        folders: of all models; kind is "train" (parts are shards), "queries" or "trajectory"
            (parts are behaviors).
        models: folder of each model, by <number>-<snapshot>.
        setting: the settings of the features.
        rates: mean learning rate before each snapshot, from the first on.
    """

    folders: list[Path]
    models: dict[str, Path]
    setting: GradientSettings
    rates: list[float]

    def score(self, entry: ScoreAttribution) -> Iterator[ImageScores]:
        """Scores of an entry of the configuration, one model after the other in memory.

        Raises:
            UserError: where features are of another model, or of other settings.
        """
        weights = self._weights(entry)
        for name in self.models:
            number, snapshot = map(int, name.split("-"))
            train = store.read(self._folders(name, "train"), self._facts(name, "noise"))
            seen = ComparedVectors(
                train.gradients,
                self._queries(entry, name),
                train.residuals,
                model=number,
                weight=weights[snapshot],
            )
            yield from score(entry, seen)

    def _weights(self, entry: ScoreAttribution) -> dict[int, float]:
        """The weight of each snapshot that is used; weights sum to 1."""
        used = sorted({int(name.split("-")[1]) for name in self.models})
        rates = [self.rates[n - 1] if SCORES[entry.method.name].rated else 1.0 for n in used]
        return {n: rate / sum(rates) for n, rate in zip(used, rates, strict=True)}

    def _queries(self, entry: ScoreAttribution, name: str) -> dict[str, np.ndarray]:
        """(q, Z) gradients of each behavior's queries."""
        journey = SCORES[entry.method.name].trajectory
        facts = self._facts(name, "journey" if journey else "noise")
        folders = self._folders(name, "trajectory" if journey else "queries")
        return {folder.name: store.read([folder], facts).gradients for folder in folders}

    def _facts(self, name: str, along: str) -> dict:
        return self.setting.facts(self.models[name], along)

    def _folders(self, name: str, kind: str) -> list[Path]:
        return [folder for folder in self.folders if folder.parts[-3:-1] == (name, kind)]
