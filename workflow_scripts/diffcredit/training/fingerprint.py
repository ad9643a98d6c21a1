"""What decides the outcome of a training; work of another fingerprint is never continued."""

import hashlib
import json
from dataclasses import asdict
from typing import Any

import torch

from diffcredit.code import cached_digest
from diffcredit.training.recipe import Run, Snapshots


def fingerprint(run: Run, snapshots: Snapshots | None = None) -> str:
    """A digest of all that a training depends on.

    It is made of digests: those of the start's weights, which its folder tells, and of the images
    that the training sees, which `models.examples` keeps. Neither weights nor images are read.

    Args:
        run: the training.
        snapshots: models that it leaves on its way; they may end it early.
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
