"""Measure the behaviors of every model of a shard by the model itself, on given images."""

import time
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from diffcredit.behaviors.denoising_loss import Setting
from diffcredit.behaviors.scoring import transformed
from diffcredit.behaviors.table import model_rows
from diffcredit.config import Behavior, QueryMeasure
from diffcredit.files import read_json
from diffcredit.logs import Progress
from diffcredit.models import checkpoints
from diffcredit.registry import MEASURES, load


def measure_shard(
    models: Path,
    queries: dict[QueryMeasure, torch.Tensor],
    setting: Setting,
    behaviors: dict[str, Behavior],
    label: str,
) -> pd.DataFrame:
    """A row for each model, behavior and query.

    Args:
        models: folder of the models of a shard, each named by the number of its coalition.
        queries: (n, c, h, w) uint8 images of each measure.
        setting: how the models are queried.
        behaviors: name -> what to measure.
        label: of the job, for its progress.

    Returns:
        Columns as of `scoring.score_shard`; no time has gone into sampling.
    """
    found = sorted(path for path in models.iterdir() if path.is_dir())
    progress = Progress(label, len(found), "models", every=5.0)
    measures = {
        measure: load(MEASURES, measure.name)(
            images, setting, **measure.model_dump(exclude={"name", "images", "queries"})
        )
        for measure, images in queries.items()
    }
    tables = []
    for model in found:
        tables.append(_measure(model, measures, behaviors))
        progress.advance()
    return pd.concat(tables, ignore_index=True)


def _measure(model: Path, measures: dict[Any, Any], behaviors: dict[str, Behavior]) -> pd.DataFrame:
    began = time.perf_counter()
    trained = checkpoints.load(model)
    measured = {key: measure(trained) for key, measure in measures.items()}
    values = {
        name: transformed(name, b, measured[b.measure], model) for name, b in behaviors.items()
    }
    seconds = {
        "seconds_training": read_json(model / checkpoints.CONFIG)["facts"]["seconds"],
        "seconds_sampling": 0.0,
        "seconds_scoring": time.perf_counter() - began,
    }
    return model_rows(int(model.name), values, seconds)
