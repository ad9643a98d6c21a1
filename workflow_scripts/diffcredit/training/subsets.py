"""The models of a shard: a run of consecutive coalitions, made one after the other."""

import gc
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from accelerate import Accelerator

from diffcredit.config import Approach, Training
from diffcredit.data.images import Images
from diffcredit.files import read_json
from diffcredit.logs import Progress
from diffcredit.models import checkpoints
from diffcredit.models.checkpoints import Trained
from diffcredit.registry import OBJECTIVES, load
from diffcredit.seeds import derive
from diffcredit.training.loop import Checkpoint, Plan, fingerprint, train


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


@dataclass(frozen=True)
class Starts:
    """Where trainings begin: the approach's start, and the network that is never trained."""

    start: Trained | None
    scratch: checkpoints.Description


def train_shard(
    coalitions: list[Coalition],
    images: Images,
    starts: Starts,
    approach: Approach,
    settings: Training,
    timesteps: int,
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
    for coalition in coalitions:
        plan = Plan(
            label=f"{label} coalition {coalition.index}",
            objective=approach.objective,
            steps=approach.steps if coalition.mask.any() else 0,
            learning_rate=approach.learning_rate,
            timesteps=timesteps,
            seed=coalition.seed,
        )
        checkpoint = Checkpoint(folder / "checkpoint.safetensors", checkpoint_steps)
        _make(coalition, images, starts, plan, settings, accelerator, checkpoint)
        progress.advance()


def _make(
    coalition: Coalition,
    images: Images,
    starts: Starts,
    plan: Plan,
    settings: Training,
    accelerator: Accelerator,
    checkpoint: Checkpoint,
) -> None:
    objective = load(OBJECTIVES, plan.objective)()
    kept = coalition.mask[images.contributors]
    pixels = torch.from_numpy(images.pixels).permute(0, 3, 1, 2)
    retained = pixels[kept]
    removed = pixels[~kept] if objective.uses_removed else None
    if removed is not None and len(removed) == 0:  # Nothing to unlearn: the start is v(all).
        plan = replace(plan, steps=0)
    begin = _start(coalition, starts)
    mark = fingerprint(begin, retained, removed, plan, settings)
    target = checkpoint.path.parent / f"{coalition.index:06d}"
    if _is_finished(target, mark):
        return
    if plan.steps == 0:
        checkpoints.save(begin, target, {"fingerprint": mark, "seconds": 0.0, "loss": None})
        return
    outcome = train(begin, objective, retained, removed, plan, settings, accelerator, checkpoint)
    facts = {"fingerprint": mark, "seconds": outcome.seconds, "loss": outcome.loss}
    checkpoints.save(outcome.trained, target, facts)
    checkpoint.path.unlink(missing_ok=True)


def _start(coalition: Coalition, starts: Starts) -> Trained:
    """v(none) is the untrained network whatever the approach starts from."""
    if starts.start is not None and coalition.mask.any():
        return starts.start
    seed = derive(coalition.seed, "weights")
    return Trained(starts.scratch.build(seed).eval(), starts.scratch)


def _is_finished(target: Path, mark: str) -> bool:
    config = target / checkpoints.CONFIG
    return config.exists() and read_json(config)["facts"].get("fingerprint") == mark
