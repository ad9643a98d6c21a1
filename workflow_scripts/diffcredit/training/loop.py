"""The training loop, for any start and any objective; it can resume at any step.

The randomness of a step depends only on (seed, step), and checkpoints hold the full state. On the
same machine and number of threads, an interrupted training therefore gives bit-identical results.
"""

import math
import time
from functools import partial

import torch
from accelerate import Accelerator

from diffcredit.config import Training
from diffcredit.config.options import build
from diffcredit.errors import UserError
from diffcredit.logs import Progress
from diffcredit.registry import SCHEDULES
from diffcredit.seeds import derive
from diffcredit.training import ema, gradients
from diffcredit.training.batches import Batch, Drawing
from diffcredit.training.fingerprint import fingerprint
from diffcredit.training.objectives.objective import Objective
from diffcredit.training.recipe import Checkpoint, Outcome, Run, Snapshots
from diffcredit.training.state import TrainingState


def make_accelerator(settings: Training, device: str) -> Accelerator:
    """The Accelerator for all trainings of a process.

    Raises:
        UserError: if the device does not support the precision.
    """
    if settings.mixed_precision == "fp16" and device == "cpu":
        raise UserError(
            "training.mixed_precision = 'fp16': there is none on the CPU\n"
            "    Hint: no or bf16, or a GPU (execution.device)"
        )
    return Accelerator(
        cpu=device == "cpu",
        mixed_precision=settings.mixed_precision,
        gradient_accumulation_steps=settings.gradient_accumulation,
    )


def train(
    run: Run,
    objective: Objective,
    accelerator: Accelerator,
    checkpoint: Checkpoint | None = None,
    snapshots: Snapshots | None = None,
) -> Outcome:
    """Train a copy of a run's start.

    Args:
        run: the model, its images and the number of steps.
        objective: turns the batches of a step into a gradient.
        accelerator: from `make_accelerator`.
        checkpoint: the file that the training resumes from and is saved to.
        snapshots: models (moving averages) to save during the training; with one process they may
            end it early.

    Raises:
        UserError: if the loss or the weights become infinite or NaN (the message names training and
            step), or if the objective needs removed images and there are none.
    """
    run.check_images(objective.uses_removed)
    draw = Drawing.of_run(run, accelerator)
    began = time.perf_counter()
    objective = _measured(objective, run, draw, accelerator)
    measuring = time.perf_counter() - began
    state = TrainingState.begin(run, accelerator)
    state.seconds = measuring
    known = fingerprint(run, snapshots)
    if checkpoint is not None:
        state.restore(checkpoint.path, known)
    progress = Progress(run.label, run.steps, "steps", done=state.step)
    while state.step < run.steps:
        began = time.perf_counter()
        loss = _step(state, objective, draw, run, accelerator)
        _check_finite(loss, state.step, run)
        state.losses.append(loss)
        state.step += 1
        state.seconds += time.perf_counter() - began
        progress.advance()
        if snapshots is not None and accelerator.is_main_process:
            folder = state.leave_if_due(snapshots, accelerator)
            if folder and snapshots.stop and snapshots.stop.reached(folder):
                break
        if checkpoint is not None and accelerator.is_main_process:
            state.save_if_due(checkpoint, known)
        if checkpoint is not None and accelerator.num_processes == 1:
            state.stop_if_time_is_up(checkpoint, known)
    return state.finish(accelerator)


def _check_finite(loss: float, step: int, run: Run) -> None:
    if not math.isfinite(loss):
        raise UserError(
            f"{run.label}: the loss is {loss} at step {step} of {run.steps}\n"
            f"    Hint: a smaller learning rate than {run.recipe.learning_rate}, or more warm-up"
        )


def _measured(objective: Objective, run: Run, draw: Drawing, accelerator: Accelerator) -> Objective:
    """The objective, after it has measured what it needs on the start."""
    norm = partial(
        gradients.naive_deletion_norm,
        run.start,
        run.recipe.parameters,
        run.adapters_seed,
        draw,
        accelerator,
    )
    return objective.measured(norm)


def _step(
    state: TrainingState, objective: Objective, draw: Drawing, run: Run, accelerator: Accelerator
) -> float:
    """One optimizer step; returns its loss."""
    settings, peak = run.recipe.training, run.recipe.learning_rate
    schedule = build(SCHEDULES, settings.schedule)
    rate = schedule.learning_rate(state.step, run.steps, peak, settings.warmup_steps)
    for group in state.optimizer.param_groups:
        group["lr"] = rate * group["scale"]
    _seed_dropout(run.seed, state.step, accelerator)

    def predict(batch: Batch) -> torch.Tensor:
        return draw.family.predict(state.prepared, batch.noised, batch.timesteps, batch.condition)

    total = torch.zeros(())
    gradient = gradients.of_step(
        objective, state.step, state.prepared, state.parameters, accelerator
    )
    for part, (retained, removed) in enumerate(draw.parts(state.step)):
        uniform = partial(draw.uniform, state.step, part)
        with accelerator.accumulate(state.prepared):
            loss = gradient.add(predict, retained, removed, uniform)
            total = total + loss.float().cpu()
            if accelerator.sync_gradients:
                gradient.finish()
                accelerator.clip_grad_norm_(state.parameters, settings.gradient_clip)
            state.optimizer.step()
            state.optimizer.zero_grad()
    ema.update(state.average, state.parameters, state.averaged + state.step, settings.ema)
    return float(total) / settings.gradient_accumulation


def _seed_dropout(seed: int, step: int, accelerator: Accelerator) -> None:
    """Seed dropout, which uses the global random state of the device, by the step.

    The generator is seeded directly: torch.manual_seed formats a stack trace on machines without
    CUDA.
    """
    own = derive(seed, "dropout", step, accelerator.process_index)
    if accelerator.device.type == "cuda":
        torch.cuda.manual_seed(own)
    else:
        torch.default_generator.manual_seed(own)
