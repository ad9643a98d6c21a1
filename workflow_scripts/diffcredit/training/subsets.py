"""The models of a shard: a run of consecutive coalitions, made one after the other."""

import gc
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from accelerate import Accelerator

from diffcredit import time_limit
from diffcredit.data.images import Images
from diffcredit.files import left_behind, read_json
from diffcredit.logs import Progress, logger
from diffcredit.models import checkpoints
from diffcredit.models.checkpoints import Trained
from diffcredit.models.pixels import channels_first
from diffcredit.registry import OBJECTIVES, build
from diffcredit.seeds import derive
from diffcredit.training.closed_form import solve
from diffcredit.training.loop import Checkpoint, fingerprint, train
from diffcredit.training.recipe import Recipe


@dataclass(frozen=True)
class Coalition:
    """One coalition of a shard.

    Attributes:
        index: its number in its distribution.
        mask: (N,) True where the contributor is kept.
        seed: of everything random in its training.
    """

    index: int
    mask: np.ndarray
    seed: int


def of_table(table: pd.DataFrame, role: tuple[str, str]) -> list[Coalition]:
    """The coalitions of a table, their trainings seeded for a role.

    The role is the approach and the number of the training seed.
    """
    return [
        Coalition(int(row["index"]), np.asarray(row["mask"]), derive(int(row["seed"]), *role))
        for _, row in table.iterrows()
    ]


def train_shard(
    coalitions: list[Coalition],
    images: Images,
    recipe: Recipe,
    accelerator: Accelerator,
    folder: Path,
    checkpoint_steps: int,
    label: str,
) -> None:
    """Make the model of each coalition in ``folder``/<index>.

    Models that an interrupted run left there are kept where they come from the same inputs.
    """
    # Each training ends with a garbage collection, which need not walk the imported libraries.
    gc.freeze()
    progress = Progress(label, len(coalitions), "models", every=5.0)
    checkpoint = Checkpoint(folder / "checkpoint.safetensors", checkpoint_steps)
    _remove_others(folder, coalitions)
    for coalition in coalitions:
        named = f"{label} coalition {coalition.index}"
        made = _make(coalition, images, recipe, accelerator, checkpoint, named)
        progress.advance()
        if made:  # So that each try of a job brings it further.
            time_limit.stop_if_near()


def _remove_others(folder: Path, coalitions: list[Coalition]) -> None:
    """Remove models of coalitions that an interrupted run counted to this shard."""
    folder.mkdir(parents=True, exist_ok=True)
    names = {_name(coalition) for coalition in coalitions}
    for other in checkpoints.folders(folder):
        if other.name not in names:
            shutil.rmtree(other)


def _name(coalition: Coalition) -> str:
    return f"{coalition.index:06d}"


def _make(
    coalition: Coalition,
    images: Images,
    recipe: Recipe,
    accelerator: Accelerator,
    checkpoint: Checkpoint,
    label: str,
) -> bool:
    """Make the model of a coalition; whether it was not there already."""
    objective = build(OBJECTIVES, recipe.approach.objective.model_dump())
    kept = coalition.mask[images.contributors]
    pixels = channels_first(images.pixels)
    retained = pixels[kept]
    removed = pixels[~kept] if objective.uses_removed else None
    begin, settings = _start(coalition, recipe), recipe.training
    steps = _steps(coalition, recipe, objective, removed)
    plan = recipe.plan(steps, coalition.seed, label)
    mark = fingerprint(begin, retained, removed, plan, settings)
    target = checkpoint.path.parent / _name(coalition)
    if _is_finished(target, mark):
        return False
    if plan.steps == 0:
        if removed is not None and len(removed) > 0 and coalition.mask.any():
            logger.warning(
                "%s: %s makes no step of %d removed images, so this model is the one before "
                "unlearning; objective.%s is larger than their number of batches",
                *(label, plan.objective["name"], len(removed)),
                OBJECTIVES[plan.objective["name"]].steps_option,
            )
        checkpoints.save(begin, target, {"fingerprint": mark, "seconds": 0.0, "loss": None})
        return True
    run: Any = train if objective.loops else solve
    outcome = run(begin, objective, retained, removed, plan, settings, accelerator, checkpoint)
    facts = {"fingerprint": mark, "seconds": outcome.seconds, "loss": outcome.loss}
    checkpoints.save(outcome.trained, target, facts)
    checkpoint.path.unlink(missing_ok=True)
    return True


def _steps(
    coalition: Coalition, recipe: Recipe, objective: Any, removed: torch.Tensor | None
) -> int:
    """None for nobody, who is untrained, and where there is nothing to unlearn: v(all)."""
    if not coalition.mask.any() or (removed is not None and len(removed) == 0):
        return 0
    return recipe.steps(objective, removed)


def _start(coalition: Coalition, recipe: Recipe) -> Trained:
    """v(none) is the untrained network whatever the approach starts from."""
    return (
        recipe.begin(coalition.seed) if coalition.mask.any() else recipe.untrained(coalition.seed)
    )


def _is_finished(target: Path, mark: str) -> bool:
    config = left_behind(read_json, target / checkpoints.CONFIG)
    return config is not None and config.get("facts", {}).get("fingerprint") == mark
