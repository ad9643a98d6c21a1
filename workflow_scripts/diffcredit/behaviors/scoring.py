"""Measure the behaviors of every model of a shard."""

import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from diffcredit.behaviors.classifier import Classifier
from diffcredit.behaviors.evidence import Evidence, collect
from diffcredit.config import Behavior
from diffcredit.errors import UserError
from diffcredit.files import read_tensors
from diffcredit.registry import MEASURES, load


def score_shard(
    samples: list[Path],
    reference: torch.Tensor,
    classifier: Classifier,
    behaviors: dict[str, Behavior],
    device: str,
) -> pd.DataFrame:
    """One row for each model and behavior.

    Args:
        samples: files of samples, named by the number of their coalition.
        reference: (n, c, h, w) uint8 reference images.
        classifier: gives features and class probabilities.
        behaviors: name -> what to measure.
        device: "cpu" or "cuda".

    Returns:
        Columns coalition, behavior, query (0: global behaviors have one), value, and the seconds
        of training, sampling and scoring of the model.
    """
    seen = collect(reference, classifier, device)
    names = sorted({behavior.measure for behavior in behaviors.values()})
    measures = {name: load(MEASURES, name)(seen) for name in names}
    rows = [_score(path, measures, classifier, behaviors, device) for path in samples]
    return pd.concat(rows, ignore_index=True)


def _score(
    path: Path,
    measures: dict,
    classifier: Classifier,
    behaviors: dict[str, Behavior],
    device: str,
) -> pd.DataFrame:
    began = time.perf_counter()
    tensors, facts = read_tensors(path)
    evidence: Evidence = collect(tensors["images"], classifier, device)
    measured = {name: measure(evidence) for name, measure in measures.items()}
    values = [_transform(name, b, measured[b.measure], path) for name, b in behaviors.items()]
    return pd.DataFrame(
        {
            "coalition": int(path.stem),
            "behavior": list(behaviors),
            "query": 0,
            "value": values,
            "seconds_training": facts["seconds_training"],
            "seconds_sampling": facts["seconds_sampling"],
            "seconds_scoring": time.perf_counter() - began,
        }
    )


def _transform(name: str, behavior: Behavior, value: float, path: Path) -> float:
    if behavior.transform == "none":
        return value
    if value <= 0:
        raise UserError(
            f"behaviors.{name}.transform = 'log': {behavior.measure} is {value} for {path}"
        )
    return float(np.log(value))
