"""Make one model by a recipe: the one place where a training is begun, continued and saved."""

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
    """Where a training leaves what it makes.

    Attributes:
        model: folder of the model.
        checkpoint: where the training is saved on its way; removed at its end.
        snapshots: models that it leaves on its way; None for none. Where these end the training
            early, the model is in the folder of the last one, beside ``model``.
    """

    model: Path
    checkpoint: Checkpoint
    snapshots: Snapshots | None = None

    @property
    def ends(self) -> list[Path]:
        """Folders in which the model may be."""
        if self.snapshots is None or self.snapshots.stop is None:
            return [self.model]
        return [self.model, *map(self.model.with_name, self.snapshots.names.values())]

    def end(self, run: Run, steps: int) -> Path:
        """Folder of the model of a training that ended after so many steps."""
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
    """Make a model, unless an interrupted job has made it of the same inputs.

    Args:
        run: the training; without steps the model is its start.
        objective: that of the recipe.
        accelerator: from `make_accelerator`.
        paths: where everything goes.
        facts: kept with the model, besides its fingerprint, step, seconds and loss.

    Returns:
        The model and what it took; None where it was there already.
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
    """Facts by which a table of models names a model.

    Args:
        training_seed: number of the training seed.
        coalition: number of the coalition in its distribution; None for a model of all images, or
            of those that are not unlearned.
    """
    return {"coalition": coalition, "training_seed": training_seed}


def _is_finished(folder: Path, known: str, snapshots: Snapshots | None) -> bool:
    """Whether a model of a fingerprint is there, whole, with those that it left on its way."""
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
