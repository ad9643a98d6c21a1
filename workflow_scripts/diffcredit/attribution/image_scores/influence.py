"""Scores by influence functions of several models and their snapshots, with EK-FAC."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from diffcredit.attribution.gradients import ekfac
from diffcredit.attribution.gradients.settings import GradientSettings
from diffcredit.attribution.image_scores.arrays import ImageScores, by_behavior
from diffcredit.config import ScoreAttribution
from diffcredit.models import checkpoints
from diffcredit.models.examples import Examples
from diffcredit.registry import SCORES
from diffcredit.seeds import derive

#: Gradients of queries in memory at a time; each is as large as the network.
QUERIES_AT_ONCE = 16


def score(
    entry: ScoreAttribution,
    setting: GradientSettings,
    models: Sequence[tuple[int, Path]],
    train: Examples,
    queries: Mapping[str, Examples],
) -> Iterator[ImageScores]:
    """The scores of an entry of the configuration by each damping, model by model.

    Args:
        entry: of the configuration.
        setting: timesteps, noises and device.
        models: number of the training, and folder, of each model.
        train: n training images.
        queries: of each behavior.
    """
    method: Any = SCORES[entry.method.name].of(entry.method)
    snapshots = setting.gradients.snapshots
    for training, folder in models:
        trained = checkpoints.load(folder)
        noised = setting.noised(train)
        how = ekfac.EkfacSettings(
            setting.family,
            noised.timesteps,
            noised.noise,
            setting.gradients.batch_size,
            QUERIES_AT_ONCE,
            derive(setting.seed, "targets"),
        )
        requested = torch.cat([setting.family.clean(found) for found in queries.values()])
        with tempfile.TemporaryDirectory() as scratch:
            network = trained.network.to(setting.device)
            fitted = method.fit(network, noised.clean[:, 0], how, Path(scratch))
            for number, damping in enumerate(entry.dampings):
                found = fitted.scores(requested.to(setting.device), damping) / snapshots
                yield ImageScores(number, training, by_behavior(found, queries))
