"""Measure the behaviors of the models of a shard on given images."""

import time
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from diffcredit.behaviors.extractor import Extractor
from diffcredit.behaviors.measure import Measure
from diffcredit.behaviors.query_settings import QuerySettings
from diffcredit.behaviors.scoring import transformed
from diffcredit.behaviors.table import model_rows
from diffcredit.config import Behavior
from diffcredit.config.options import build
from diffcredit.logs import Progress
from diffcredit.models import checkpoints
from diffcredit.registry import MEASURES


def measure_shard(
    models: Path,
    queries: dict[str, torch.Tensor],
    setting: QuerySettings,
    extractors: dict[str, Extractor],
    behaviors: dict[str, Behavior],
    label: str,
) -> pd.DataFrame:
    """A row for each model, behavior and query.

    Args:
        models: folder of the models of a shard.
        queries: (n, c, h, w) uint8 images of each behavior.
        setting: how the models are queried.
        extractors: name -> extractor, for those that the behaviors use.
        behaviors: name -> entry of the configuration.
        label: of the job, for progress messages.

    Returns:
        Columns as in `scoring.score_shard`; the time of sampling is 0.
    """
    found = checkpoints.folders(models)
    progress = Progress(label, len(found), "models", every=5.0)
    measures = {
        (b.measure, b.sees): make(b, queries[name], setting, extractors)
        for name, b in behaviors.items()
    }
    tables = []
    for model in found:
        tables.append(_measure(model, measures, behaviors))
        progress.advance()
    return pd.concat(tables, ignore_index=True)


def make(
    behavior: Behavior,
    images: torch.Tensor,
    setting: QuerySettings,
    extractors: dict[str, Extractor],
) -> Measure:
    """The measure of a behavior, to be called with models; arguments as of `measure_shard`."""
    seen = [] if behavior.sees is None else [extractors[behavior.sees]]
    made: Measure = build(MEASURES, behavior.measure, images, setting, *seen)
    return made


def _measure(model: Path, measures: dict[Any, Any], behaviors: dict[str, Behavior]) -> pd.DataFrame:
    began = time.perf_counter()
    trained = checkpoints.load(model)
    measured = {key: measure(trained) for key, measure in measures.items()}
    values = {
        name: transformed(name, b, measured[b.measure, b.sees], f"{model}")
        for name, b in behaviors.items()
    }
    seconds = {
        "seconds_training": checkpoints.facts(model)["seconds"],
        "seconds_sampling": 0.0,
        "seconds_scoring": time.perf_counter() - began,
    }
    return model_rows(checkpoints.model_key(model), values, seconds)
