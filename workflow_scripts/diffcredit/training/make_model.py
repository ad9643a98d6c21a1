"""Make one model by a recipe: all trainings are started, resumed and saved here."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accelerate import Accelerator

from diffcredit.files import left_behind
from diffcredit.models import checkpoints
from diffcredit.training.closed_form import solve
from diffcredit.training.fingerprint import fingerprint
from diffcredit.training.loop import train
from diffcredit.training.recipe import Checkpoint, Outcome, Run, Snapshots


@dataclass(frozen=True)
class OutputPaths:
    """The output paths of a training.

    Attributes:
        model: folder of the model.
        checkpoint: file of the training's checkpoints; it is removed at the end.
        snapshots: models saved during the training; None for none. If they end the training early,
            the model is the last of them, in a folder next to ``model``.
    """

    model: Path
    checkpoint: Checkpoint
    snapshots: Snapshots | None = None

    @property
    def ends(self) -> list[Path]:
        """Folders that may contain the model."""
        if self.snapshots is None or self.snapshots.stop is None:
            return [self.model]
        return [self.model, *map(self.model.with_name, self.snapshots.names.values())]

    def end(self, run: Run, steps: int) -> Path:
        """Folder of the model of a training that ended after ``steps``."""
        if self.snapshots is None or steps >= run.steps:
            return self.model
        return self.model.with_name(self.snapshots.names[steps])


def make_model(
    run: Run,
    objective: Any,
    accelerator: Accelerator,
    paths: OutputPaths,
    facts: Mapping[str, Any],
) -> Outcome | None:
    """Make a model, unless an interrupted job has already made it from the same inputs.

    Args:
        run: the training; with 0 steps the model is its start.
        objective: of the recipe.
        accelerator: from `make_accelerator`.
        paths: the output paths.
        facts: stored with the model, besides its fingerprint, step, seconds and loss.

    Returns:
        The model with its training time and loss; None if it existed already.
    """
    known = fingerprint(run, paths.snapshots)
    if any(_is_finished(folder, known, paths.snapshots) for folder in paths.ends):
        return None
    outcome = Outcome(run.start, 0.0, None, 0)
    if run.steps > 0:
        outcome = (train if objective.loops else solve)(
            run, objective, accelerator, paths.checkpoint, paths.snapshots
        )
    if accelerator.is_main_process:
        told = {"step": outcome.steps, "seconds": outcome.seconds, "loss": outcome.loss}
        checkpoints.save(
            outcome.trained,
            paths.end(run, outcome.steps),
            {**facts, "fingerprint": known, **told},
        )
        paths.checkpoint.path.unlink(missing_ok=True)
    return outcome


def model_facts(training_seed: int, coalition: int | None = None) -> dict[str, Any]:
    """Facts that identify a model in a table of models.

    Args:
        training_seed: number of the training seed.
        coalition: number of the coalition in its distribution; None for a model of all images, or
            of all images that are not unlearned.
    """
    return {"coalition": coalition, "training_seed": training_seed}


def _is_finished(folder: Path, known: str, snapshots: Snapshots | None) -> bool:
    """Whether a complete model with this fingerprint exists, with all its snapshots."""
    if not (folder / checkpoints.CONFIG).exists():
        return False
    if left_behind(checkpoints.digest, folder) is None:
        return False
    facts = checkpoints.facts(folder)
    if facts.get("fingerprint") != known:
        return False
    if snapshots is None:
        return True
    left = [name for step, name in snapshots.names.items() if step < facts["step"]]
    return all((snapshots.folder / name).exists() for name in left)
