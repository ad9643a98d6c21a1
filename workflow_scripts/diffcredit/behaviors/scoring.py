"""Measure the behaviors of the models of a shard on their samples."""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch

from diffcredit.behaviors.extractor import Extractor
from diffcredit.behaviors.extractors.pixels import Pixels
from diffcredit.behaviors.image_features import ImageFeatures
from diffcredit.behaviors.table import model_rows
from diffcredit.config import Behavior
from diffcredit.config.options import build
from diffcredit.errors import UserError
from diffcredit.registry import MEASURES
from diffcredit.samples import ModelSamples


def score_shard(
    samples: Sequence[ModelSamples],
    compared: dict[str, torch.Tensor],
    queries: dict[str, torch.Tensor],
    extractors: dict[str, Extractor],
    behaviors: dict[str, Behavior],
) -> pd.DataFrame:
    """A row for each model, behavior and query.

    Args:
        samples: of each model.
        compared: (n, c, h, w) uint8 images that samples are compared with: the "reference" images,
            and samples of the "full" model from the same initial noises.
        queries: behavior -> (q, c, h, w) uint8 images, for behaviors that search the samples for
            images.
        extractors: name -> extractor, for those that the behaviors use.
        behaviors: name -> entry of the configuration.

    Returns:
        Columns as of `table.model_rows`.
    """
    known: dict[str | None, Extractor] = {None: Pixels()}
    known.update(extractors)
    against = {
        (images, extractor): ImageFeatures(compared[images], known[extractor])
        for images, extractor in {(_compared(b), b.sees) for b in behaviors.values()}
    }
    sought = {
        name: ImageFeatures(found, known[behaviors[name].sees]) for name, found in queries.items()
    }
    measures = {
        (b.measure, b.sees): build(
            MEASURES,
            b.measure,
            *([sought[name]] if name in sought else []),
            against[_compared(b), b.sees],
        )
        for name, b in behaviors.items()
    }
    return pd.concat(
        [_score(drawn, measures, known, behaviors) for drawn in samples], ignore_index=True
    )


def _compared(behavior: Behavior) -> str:
    """Images that samples are compared with: the full model's or the reference images."""
    return "full" if behavior.compares == "full" else "reference"


def _score(
    drawn: ModelSamples,
    measures: dict[Any, Any],
    extractors: dict[str | None, Extractor],
    behaviors: dict[str, Behavior],
) -> pd.DataFrame:
    began = time.perf_counter()
    images = drawn.images()
    seen = {name: ImageFeatures(images, found) for name, found in extractors.items()}
    measured = {key: measure(seen[key[1]]) for key, measure in measures.items()}
    values = {
        name: transformed(name, b, measured[b.measure, b.sees], drawn.described)
        for name, b in behaviors.items()
    }
    seconds = {**drawn.seconds, "seconds_scoring": time.perf_counter() - began}
    return model_rows(drawn.model, values, seconds)


def transformed(name: str, behavior: Behavior, measured: Any, model: str) -> np.ndarray:
    """(queries,) values of a behavior after its transformation.

    Raises:
        UserError: for the logarithm of a value that is not positive.
    """
    values = np.atleast_1d(np.asarray(measured, dtype=np.float64))
    if behavior.transform == "none":
        return values
    if (values <= 0).any():
        raise UserError(
            f"behaviors.{name}.transform = 'log': {behavior.measure.name} is {values.min()} "
            f"for {model}"
        )
    return np.log(values)
