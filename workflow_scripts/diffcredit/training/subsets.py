"""The models of a shard, a range of consecutive coalitions."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from accelerate import Accelerator

from diffcredit import garbage, time_limit
from diffcredit.logs import Progress, logger
from diffcredit.models import checkpoints
from diffcredit.models.examples import Examples
from diffcredit.registry import OBJECTIVES, build
from diffcredit.seeds import derive
from diffcredit.training.make_model import OutputPaths, make_model, model_facts
from diffcredit.training.recipe import Checkpoint, Recipe, Run


@dataclass(frozen=True)
class Coalition:
    """One coalition of a shard.

    Attributes:
        index: number of the coalition in its distribution.
        mask: (N,) True where the contributor is kept.
        seed: of everything random in the training.
        training_seed: number of the training seed.
    """

    index: int
    mask: np.ndarray
    seed: int
    training_seed: int = 0


def of_table(table: pd.DataFrame, role: tuple[str, str]) -> list[Coalition]:
    """The coalitions of a table, with training seeds for a role.

    The role is the approach and the number of the training seed.
    """
    numbers, seeds = table["index"].tolist(), table["seed"].tolist()
    masks, training_seed = map(np.asarray, table["mask"]), int(role[1])
    return [
        Coalition(number, mask, derive(seed, *role), training_seed)
        for number, mask, seed in zip(numbers, masks, seeds, strict=True)
    ]


def train_shard(
    coalitions: list[Coalition],
    examples: Examples,
    contributors: np.ndarray,
    recipe: Recipe,
    accelerator: Accelerator,
    folder: Path,
    checkpoint_steps: int,
    label: str,
) -> None:
    """Make the model of each coalition in ``folder``/<index>.

    Models of an interrupted run are kept if they come from the same inputs.

    Args:
        coalitions: of the shard.
        examples: all training images.
        contributors: (n,) contributor of each image.
        recipe: how the models are made.
        accelerator: from `make_accelerator`.
        folder: of the models.
        checkpoint_steps: steps between checkpoints of a training.
        label: names the shard in messages.
    """
    progress = Progress(label, len(coalitions), "models", every=5.0)
    checkpoint = Checkpoint(folder / "checkpoint.safetensors", checkpoint_steps)
    _remove_others(folder, coalitions)
    # Each training ends with a garbage collection.
    with garbage.only_of_what_follows():
        for coalition in coalitions:
            kept = coalition.mask[contributors]
            named = f"{label} coalition {coalition.index}"
            made = _make(coalition, examples, kept, recipe, accelerator, checkpoint, named)
            progress.advance()
            if made:  # Every try of a job makes at least one model.
                time_limit.stop_if_near()


def _remove_others(folder: Path, coalitions: list[Coalition]) -> None:
    """Remove models of coalitions that belonged to this shard in an interrupted run."""
    folder.mkdir(parents=True, exist_ok=True)
    names = {_name(coalition) for coalition in coalitions}
    for other in checkpoints.folders(folder):
        if other.name not in names:
            shutil.rmtree(other)


def _name(coalition: Coalition) -> str:
    return f"{coalition.index:06d}"


def _make(
    coalition: Coalition,
    examples: Examples,
    kept: np.ndarray,
    recipe: Recipe,
    accelerator: Accelerator,
    checkpoint: Checkpoint,
    label: str,
) -> bool:
    """Make the model of a coalition; returns False if it existed already.

    The model of the empty coalition is the untrained network, whatever the start of the approach.
    An unlearning approach without removed images returns its start.
    """
    objective = build(OBJECTIVES, recipe.objective)
    removed = examples[~kept] if objective.uses_removed else None
    nothing_to_do = removed is not None and len(removed) == 0
    empty = not coalition.mask.any()
    steps = 0 if empty or nothing_to_do else recipe.count_steps(objective, removed)
    start = (recipe.fresh if empty else recipe.begin)(coalition.seed)
    run = Run(recipe, label, start, examples[kept], removed, steps, coalition.seed)
    paths = OutputPaths(checkpoint.path.parent / _name(coalition), checkpoint)
    facts = model_facts(coalition.training_seed, coalition.index)
    if make_model(run, objective, accelerator, paths, facts) is None:
        return False
    if steps == 0 and removed is not None and not (empty or nothing_to_do):
        _warn_of_no_step(run, len(removed))
    return True


def _warn_of_no_step(run: Run, removed: int) -> None:
    name = run.recipe.objective["name"]
    logger.warning(
        "%s: %s makes no step of %d removed images, so this model is the one before unlearning; "
        "objective.%s is larger than their number of batches",
        *(run.label, name, removed),
        OBJECTIVES[name].steps_option,
    )
