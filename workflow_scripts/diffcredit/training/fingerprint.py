"""Fingerprints of trainings: a checkpoint with another fingerprint is never continued."""

import hashlib
import json
from dataclasses import asdict
from typing import Any

import torch

from diffcredit.code import cached_digest
from diffcredit.training.recipe import Run, Snapshots


def fingerprint(run: Run, snapshots: Snapshots | None = None) -> str:
    """A digest of everything that the result of a training depends on.

    It combines the digests of the start's weights, stored in its folder, and of the training
    images, kept by `models.examples`. Neither weights nor images are read.

    Args:
        run: the training.
        snapshots: models saved during the training; they may end it early.
    """
    recipe, start = run.recipe, run.start
    facts: dict[str, Any] = {
        "start": [
            dict(start.family.settings),
            asdict(start.structure),
            start.family.base,
            start.averaged,
            start.digest,
        ],
        "images": [run.retained.digest, None if run.removed is None else run.removed.digest],
        "objective": recipe.objective,
        "parameters": recipe.parameters,
        "training": [run.steps, recipe.learning_rate, recipe.training.model_dump(), run.seed],
        "code": [cached_digest("training", "models"), torch.__version__],
    }
    if snapshots is not None:
        facts["snapshots"] = [sorted(snapshots.names), snapshots.stop and snapshots.stop.facts]
    text = json.dumps(facts, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
