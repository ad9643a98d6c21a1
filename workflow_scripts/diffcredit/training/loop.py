"""The one training loop: any start, any objective, resumable at the step.

The randomness of a step depends on (seed, step) alone and the loop's state is saved whole, so on
one machine and thread count an interrupted training ends with the same bits.
"""

import copy
import hashlib
import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator

from diffcredit import time_limit
from diffcredit.code import cached_digest
from diffcredit.config import Training
from diffcredit.errors import UserError
from diffcredit.files import left_behind, read_tensors, write_tensors
from diffcredit.logs import Progress, logger
from diffcredit.models import checkpoints, ddpm
from diffcredit.models.checkpoints import Trained
from diffcredit.registry import PARAMETERS, build
from diffcredit.seeds import derive
from diffcredit.training import ema, gradients
from diffcredit.training.batches import Batch, Drawing
from diffcredit.training.objectives.objective import Objective
from diffcredit.training.parameters.parameters import Parameters


@dataclass(frozen=True)
class Plan:
    """What one training does.

    Attributes:
        label: names the training in messages.
        objective: name of an entry of the registry, and its options.
        steps: optimizer steps.
        learning_rate: after the warm-up, where a cosine is at its peak; 0 for a closed form.
        timesteps: noise levels of the schedule.
        seed: of everything that is drawn.
        parameters: what is trained: name of an entry of the registry, and its options.
    """

    label: str
    objective: dict[str, Any]
    steps: int
    learning_rate: float
    timesteps: int
    seed: int
    parameters: dict[str, Any] = field(default_factory=lambda: {"name": "all"})


@dataclass(frozen=True)
class Outcome:
    """A trained network (the moving average of its weights) and what it took.

    Attributes:
        trained: on the CPU, ready for inference.
        seconds: wall time of the training, interruptions not counted.
        loss: mean loss of the last tenth of the steps; None without steps.
        steps: that were made.
    """

    trained: Trained
    seconds: float
    loss: float | None
    steps: int


@dataclass(frozen=True)
class Checkpoint:
    """Where a training saves its state, and after how many steps each time."""

    path: Path
    every: int


@dataclass(frozen=True)
class Stop:
    """When a training has come far enough.

    Attributes:
        reached: whether the model of a folder has.
        facts: what that depends on, as JSON can hold it.
    """

    reached: Callable[[Path], bool]
    facts: dict[str, Any]


@dataclass(frozen=True)
class Snapshots:
    """Models that a training leaves behind on its way.

    Attributes:
        folder: of a folder for each.
        names: step -> name of the folder of the model after it.
        stop: may end the training at one of them, early.
    """

    folder: Path
    names: Mapping[int, str]
    stop: Stop | None = None


def make_accelerator(settings: Training, device: str) -> Accelerator:
    """One Accelerator serves all trainings of a process.

    Raises:
        UserError: if the precision is not to be had on the device.
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


def learning_rate(step: int, plan: Plan, warmup: int, schedule: str = "cosine") -> float:
    """Linear warm-up, then half a cosine down to 0 at ``plan.steps``, or "constant"."""
    if step < warmup:
        return plan.learning_rate * (step + 1) / warmup
    if schedule == "constant":
        return plan.learning_rate
    done = (step - warmup) / max(1, plan.steps - warmup)
    return plan.learning_rate * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


def train(
    start: Trained,
    objective: Objective,
    retained: torch.Tensor,
    removed: torch.Tensor | None,
    plan: Plan,
    settings: Training,
    accelerator: Accelerator,
    checkpoint: Checkpoint | None = None,
    snapshots: Snapshots | None = None,
) -> Outcome:
    """Train a copy of ``start``.

    Args:
        start: the network to begin from; it is left alone.
        objective: turns the batches of a step into a gradient.
        retained: (n, c, h, w) uint8 images that are kept.
        removed: (n', c, h, w) uint8 images that are taken out; None for objectives without.
        plan: steps, learning rate, seed.
        settings: the loop's settings.
        accelerator: from `make_accelerator`.
        checkpoint: where the training continues from and is saved to now and then.
        snapshots: models (the moving average) to leave behind on the way, which one process may
            end early.

    Raises:
        UserError: if the loss or the weights stop being finite, naming training and step; or if
            the objective needs removed images and there are none.
    """
    check_images(objective.uses_removed, retained, removed, plan)
    draw = Drawing(retained, removed, plan.timesteps, plan.seed, settings, accelerator)
    began = time.perf_counter()
    objective = _measured(objective, start, plan, draw, accelerator)
    measuring = time.perf_counter() - began
    state = _State.begin(start, plan, settings, accelerator)
    state.seconds = measuring
    mark = fingerprint(start, retained, removed, plan, settings, snapshots)
    if checkpoint is not None:
        state.restore(checkpoint.path, mark)
    progress = Progress(plan.label, plan.steps, "steps", done=state.step)
    while state.step < plan.steps:
        began = time.perf_counter()
        rate = learning_rate(
            state.step, plan, settings.warmup_steps, settings.learning_rate_schedule
        )
        _seed_dropout(plan.seed, state.step, accelerator)
        loss = _step(state, objective, draw, rate, settings, accelerator)
        if not math.isfinite(loss):
            raise UserError(
                f"{plan.label}: the loss is {loss} at step {state.step} of {plan.steps}\n"
                f"    Hint: a smaller learning rate than {plan.learning_rate}, or more warm-up"
            )
        state.losses.append(loss)
        state.step += 1
        state.seconds += time.perf_counter() - began
        progress.advance()
        if snapshots is not None and accelerator.is_main_process:
            folder = state.leave_if_due(snapshots, start, accelerator)
            if folder and snapshots.stop and snapshots.stop.reached(folder):
                break
        if checkpoint is not None and accelerator.is_main_process:
            state.save_if_due(checkpoint, mark, plan.steps)
        if checkpoint is not None and accelerator.num_processes == 1:
            state.stop_if_time_is_up(checkpoint, mark)
    return state.finish(start, plan, accelerator)


def check_images(
    uses_removed: bool, retained: torch.Tensor, removed: torch.Tensor | None, plan: Plan
) -> None:
    """Raise `UserError` where images are missing that the objective needs."""
    if len(retained) == 0:
        raise UserError(f"{plan.label}: no images are retained")
    if uses_removed and (removed is None or len(removed) == 0):
        raise UserError(
            f"{plan.label}: objective {plan.objective['name']} needs removed images; there are none"
        )


def fingerprint(
    start: Trained,
    retained: torch.Tensor,
    removed: torch.Tensor | None,
    plan: Plan,
    settings: Training,
    snapshots: Snapshots | None = None,
) -> str:
    """What decides the outcome of a training; work of another fingerprint is never continued.

    The arguments are those of `train`.
    """
    digest = hashlib.blake2b(digest_size=16)
    planned = {key: value for key, value in asdict(plan).items() if key != "label"}
    code = cached_digest("training", "models")
    described = [asdict(start.description), start.averaged]
    facts: list[Any] = [described, planned, settings.model_dump(), code]
    if snapshots is not None:
        facts.append([sorted(snapshots.names), snapshots.stop and snapshots.stop.facts])
    digest.update(json.dumps(facts, sort_keys=True).encode())
    for tensor in (*start.network.state_dict().values(), retained, removed):
        if tensor is not None:
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _measured(
    objective: Objective,
    start: Trained,
    plan: Plan,
    draw: Drawing,
    accelerator: Accelerator,
) -> Objective:
    """The objective, knowing of the start what it needs to know."""
    seed = _adapters_seed(plan)
    return objective.measured(
        partial(gradients.naive_deletion_norm, start, plan.parameters, seed, draw, accelerator)
    )


def _adapters_seed(plan: Plan) -> int:
    return derive(plan.seed, "adapters")


def _step(
    state: "_State",
    objective: Objective,
    draw: Drawing,
    rate: float,
    settings: Training,
    accelerator: Accelerator,
) -> float:
    """One optimizer step; returns its loss."""
    for group in state.optimizer.param_groups:
        group["lr"] = rate * group["scale"]

    def predict(batch: Batch) -> torch.Tensor:
        return ddpm.predict(state.prepared, batch.noised, batch.timesteps)

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
    """Dropout draws from the global state of the device: what it drops depends on the step alone.

    Seeded directly: torch.manual_seed formats a stack trace each time where there is no CUDA.
    """
    own = derive(seed, "dropout", step, accelerator.process_index)
    if accelerator.device.type == "cuda":
        torch.cuda.manual_seed(own)
    else:
        torch.default_generator.manual_seed(own)


def _begin_anew(scaler: torch.amp.GradScaler) -> None:
    """Forget what the trainings before made of the scale: all trainings of a process share it."""
    first = {"scale": 2.0**16, "_growth_tracker": 0}  # those of a new one
    scaler.load_state_dict(scaler.state_dict() | first)


@dataclass
class _State:
    """Everything that changes while training.

    Attributes:
        adapted: what of the network is trained.
        prepared: the network as accelerate wraps it.
        parameters: those that are trained, in the order of the optimizer.
        average: their moving average.
        averaged: steps that the average knew before the first one.
        optimizer: as accelerate wraps it.
        scaler: of losses in half precision; None without.
        losses: of each step so far.
        step: the next one.
        seconds: spent so far.
    """

    adapted: Parameters
    prepared: torch.nn.Module
    parameters: list[torch.nn.Parameter]
    average: list[torch.Tensor]
    averaged: int
    optimizer: Any
    scaler: Any
    losses: list[float]
    step: int = 0
    seconds: float = 0.0

    @classmethod
    def begin(
        cls, start: Trained, plan: Plan, settings: Training, accelerator: Accelerator
    ) -> "_State":
        adapted: Parameters = build(PARAMETERS, plan.parameters)
        network = start.copy().network
        groups = adapted.attach(network, _adapters_seed(plan))
        network.train().to(accelerator.device)
        kind = torch.optim.AdamW if settings.weight_decay else torch.optim.Adam
        optimizer = kind(
            [{"params": group.parameters, "scale": group.scale} for group in groups],
            lr=plan.learning_rate,
            betas=(settings.adam_betas[0], settings.adam_betas[1]),
            eps=settings.adam_epsilon,
            weight_decay=settings.weight_decay,
            fused=True,
        )
        parameters = [parameter for group in groups for parameter in group.parameters]
        prepared, wrapped = accelerator.prepare(network, optimizer)
        average = [parameter.detach().clone() for parameter in parameters]
        scaler = accelerator.scaler
        if scaler:
            _begin_anew(scaler)
        averaged = ema.steps_before(start, plan.label) if settings.ema.continued else 0
        return cls(adapted, prepared, parameters, average, averaged, wrapped, scaler, [])

    @property
    def updates(self) -> int:
        """Steps that the average knows."""
        return self.averaged + self.step

    def save_if_due(self, checkpoint: Checkpoint, mark: str, steps: int) -> None:
        """Save now and then, but not after the last step: then the model itself is written."""
        if self.step % checkpoint.every == 0 and self.step < steps:
            self.save(checkpoint.path, mark)

    def stop_if_time_is_up(self, checkpoint: Checkpoint, mark: str) -> None:
        """Save and raise `TimeIsUp` where the time limit is near."""
        if time_limit.is_near():
            self.save(checkpoint.path, mark)
            raise time_limit.TimeIsUp

    @torch.no_grad()
    def leave_if_due(
        self, snapshots: Snapshots, start: Trained, accelerator: Accelerator
    ) -> Path | None:
        """Save what the model would be now; returns its folder, if any."""
        if self.step not in snapshots.names:
            return None
        average = {id(p): a for p, a in zip(self.parameters, self.average, strict=True)}
        current = accelerator.unwrap_model(self.prepared)
        left = copy.deepcopy(current)
        for own, parameter in zip(left.parameters(), current.parameters(), strict=True):
            own.copy_(average.get(id(parameter), parameter))
        self.adapted.merge(left)
        folder = snapshots.folder / snapshots.names[self.step]
        facts = {"step": self.step, "seconds": self.seconds}
        checkpoints.save(Trained(left, start.description, self.updates), folder, facts)
        return folder

    def save(self, path: Path, mark: str) -> None:
        stored = self.optimizer.state_dict()["state"]
        tensors = {f"weight.{i}": p.detach() for i, p in enumerate(self.parameters)}
        tensors |= {f"average.{i}": a for i, a in enumerate(self.average)}
        tensors |= {f"{k}.{i}": t for i, kept in stored.items() for k, t in kept.items()}
        facts = {
            "fingerprint": mark,
            "step": self.step,
            "seconds": self.seconds,
            "losses": self.losses,
            "scaler": self.scaler.state_dict() if self.scaler else None,
        }
        write_tensors(tensors, path, facts)

    @torch.no_grad()
    def restore(self, path: Path, mark: str) -> None:
        found = left_behind(read_tensors, path)
        if found is None:
            return
        tensors, facts = found
        if facts.get("fingerprint") != mark:
            logger.info("%s is of another training: starting anew", path.name)
            return
        stored = self.optimizer.state_dict()
        keys = ("step", "exp_avg", "exp_avg_sq")
        for i, (parameter, average) in enumerate(zip(self.parameters, self.average, strict=True)):
            parameter.copy_(tensors[f"weight.{i}"])
            average.copy_(tensors[f"average.{i}"])
            stored["state"][i] = {key: tensors[f"{key}.{i}"] for key in keys}
        self.optimizer.load_state_dict(stored)
        if self.scaler and facts["scaler"]:
            self.scaler.load_state_dict(facts["scaler"])
        self.step, self.seconds = facts["step"], facts["seconds"]
        self.losses = facts["losses"]

    @torch.no_grad()
    def finish(self, start: Trained, plan: Plan, accelerator: Accelerator) -> Outcome:
        if not all(bool(torch.isfinite(average).all()) for average in self.average):
            raise UserError(
                f"{plan.label}: weights are not finite after step {self.step}\n"
                f"    Hint: a smaller learning rate than {plan.learning_rate}"
            )
        for parameter, average in zip(self.parameters, self.average, strict=True):
            parameter.copy_(average)
        tail = self.losses[-max(1, len(self.losses) // 10) :]
        loss = sum(tail) / len(tail) if tail else None
        network = accelerator.unwrap_model(self.prepared, keep_fp32_wrapper=False)
        network = network.to("cpu")
        self.adapted.merge(network)
        accelerator.free_memory()  # or it keeps every network of the process
        trained = Trained(network.eval(), start.description, self.updates)
        return Outcome(trained, self.seconds, loss, self.step)
