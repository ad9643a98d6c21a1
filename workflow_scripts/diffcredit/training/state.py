"""The state of a training, and its checkpoints."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator

from diffcredit import time_limit
from diffcredit.config import options
from diffcredit.errors import UserError
from diffcredit.files import left_behind, read_tensors, write_tensors
from diffcredit.logs import logger
from diffcredit.models import checkpoints
from diffcredit.models.checkpoints import Trained
from diffcredit.registry import OPTIMIZERS, PARAMETERS, build
from diffcredit.training import ema
from diffcredit.training.parameters.parameters import Parameters
from diffcredit.training.recipe import Checkpoint, Outcome, Run, Snapshots

#: Prefix of an optimizer's tensors in a checkpoint; a parameter's number and a key follow.
OPTIMIZER = "optimizer"


@dataclass
class TrainingState:
    """Everything that changes during a training.

    Attributes:
        run: the training.
        adapted: the trained parameters.
        prepared: the network as accelerate wraps it.
        parameters: trained parameters, in the order of the optimizer.
        average: their moving average.
        averaged: number of steps in the average before this training.
        optimizer: as accelerate wraps it.
        scaler: loss scaler of half precision; None in full precision.
        losses: of each step so far.
        step: number of the next step.
        seconds: training time so far.
    """

    run: Run
    adapted: Parameters
    prepared: torch.nn.Module
    parameters: list[torch.nn.Parameter]
    average: list[torch.Tensor]
    averaged: int
    optimizer: Any
    scaler: Any
    losses: list[float] = field(default_factory=list)
    step: int = 0
    seconds: float = 0.0

    @classmethod
    def begin(cls, run: Run, accelerator: Accelerator) -> "TrainingState":
        """The state before the first step."""
        recipe = run.recipe
        adapted: Parameters = build(PARAMETERS, recipe.parameters)
        network = run.start.copy().network
        groups = adapted.attach(network, run.adapters_seed)
        network.train().to(accelerator.device)
        settings = [{"params": group.parameters, "scale": group.scale} for group in groups]
        made = options.build(OPTIMIZERS, recipe.training.optimizer)
        optimizer = made.over(settings, recipe.learning_rate)
        parameters = [parameter for group in groups for parameter in group.parameters]
        prepared, wrapped = accelerator.prepare(network, optimizer)
        average = [parameter.detach().clone() for parameter in parameters]
        if scaler := accelerator.scaler:
            _reset(scaler)
        continued = recipe.training.ema.continued
        averaged = ema.steps_before(run.start, run.label) if continued else 0
        return cls(run, adapted, prepared, parameters, average, averaged, wrapped, scaler)

    @property
    def updates(self) -> int:
        """Number of steps in the average."""
        return self.averaged + self.step

    @property
    def loss(self) -> float | None:
        """Mean loss of the last tenth of the steps so far; None without steps."""
        tail = self.losses[-max(1, len(self.losses) // 10) :]
        return sum(tail) / len(tail) if tail else None

    def save_if_due(self, checkpoint: Checkpoint, fingerprint: str) -> None:
        """Save a checkpoint at its interval, but not after the last step."""
        if self.step % checkpoint.every == 0 and self.step < self.run.steps:
            self.save(checkpoint.path, fingerprint)

    def stop_if_time_is_up(self, checkpoint: Checkpoint, fingerprint: str) -> None:
        """Save and raise `TimeIsUp` if the time limit is near."""
        if time_limit.is_near():
            self.save(checkpoint.path, fingerprint)
            raise time_limit.TimeIsUp

    @torch.no_grad()
    def leave_if_due(self, snapshots: Snapshots, accelerator: Accelerator) -> Path | None:
        """Save a snapshot if one is due at this step; returns its folder, or None."""
        if self.step not in snapshots.names:
            return None
        average = {id(p): a for p, a in zip(self.parameters, self.average, strict=True)}
        current = accelerator.unwrap_model(self.prepared)
        left = copy.deepcopy(current)
        for own, parameter in zip(left.parameters(), current.parameters(), strict=True):
            own.copy_(average.get(id(parameter), parameter))
        self.adapted.merge(left)
        folder = snapshots.folder / snapshots.names[self.step]
        told = {"step": self.step, "seconds": self.seconds, "loss": self.loss}
        checkpoints.save(self._trained(left), folder, {**snapshots.facts, **told})
        return folder

    def _trained(self, network: torch.nn.Module) -> Trained:
        start = self.run.start
        return Trained(network, start.family, start.structure, self.updates)

    def save(self, path: Path, fingerprint: str) -> None:
        """Write a checkpoint."""
        stored = self.optimizer.state_dict()
        tensors = {f"weight.{i}": p.detach() for i, p in enumerate(self.parameters)}
        tensors |= {f"average.{i}": a for i, a in enumerate(self.average)}
        own, others = _split(stored["state"])
        facts = {
            "fingerprint": fingerprint,
            "step": self.step,
            "seconds": self.seconds,
            "losses": self.losses,
            "scaler": self.scaler.state_dict() if self.scaler else None,
            "optimizer": others,
            "groups": [_without_parameters(group) for group in stored["param_groups"]],
        }
        write_tensors({**tensors, **own}, path, facts)

    @torch.no_grad()
    def restore(self, path: Path, fingerprint: str) -> None:
        """Resume from a checkpoint, unless it is missing, broken or of another training."""
        found = left_behind(read_tensors, path)
        if found is None:
            return
        tensors, facts = found
        if facts.get("fingerprint") != fingerprint:
            logger.info("%s is of another training: starting anew", path.name)
            return
        for i, (parameter, average) in enumerate(zip(self.parameters, self.average, strict=True)):
            parameter.copy_(tensors[f"weight.{i}"])
            average.copy_(tensors[f"average.{i}"])
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict(
            {
                "state": _joined(tensors, facts["optimizer"]),
                "param_groups": [
                    _continued(group, saved)
                    for group, saved in zip(groups, facts["groups"], strict=True)
                ],
            }
        )
        if self.scaler and facts["scaler"]:
            self.scaler.load_state_dict(facts["scaler"])
        self.step, self.seconds = facts["step"], facts["seconds"]
        self.losses = facts["losses"]

    @torch.no_grad()
    def finish(self, accelerator: Accelerator) -> Outcome:
        """The trained network; the state cannot be used afterwards."""
        if not all(bool(torch.isfinite(average).all()) for average in self.average):
            raise UserError(
                f"{self.run.label}: weights are not finite after step {self.step}\n"
                f"    Hint: a smaller learning rate than {self.run.recipe.learning_rate}"
            )
        for parameter, average in zip(self.parameters, self.average, strict=True):
            parameter.copy_(average)
        network = accelerator.unwrap_model(self.prepared, keep_fp32_wrapper=False)
        network = network.to("cpu")
        self.adapted.merge(network)
        accelerator.free_memory()  # Otherwise it keeps every network of the process.
        return Outcome(self._trained(network.eval()), self.seconds, self.loss, self.step)


def _reset(scaler: torch.amp.GradScaler) -> None:
    """Reset the loss scaler, which all trainings of a process share."""
    first = {"scale": 2.0**16, "_growth_tracker": 0}  # initial values
    scaler.load_state_dict(scaler.state_dict() | first)


def _split(
    state: Mapping[int, Mapping[str, Any]],
) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Split an optimizer's state into tensors and other values, by number and key."""
    named = {
        f"{OPTIMIZER}.{number}.{key}": value
        for number, kept in state.items()
        for key, value in kept.items()
    }
    tensors = {name: value for name, value in named.items() if torch.is_tensor(value)}
    return tensors, {name: value for name, value in named.items() if name not in tensors}


def _joined(
    tensors: Mapping[str, torch.Tensor], others: Mapping[str, Any]
) -> dict[int, dict[str, Any]]:
    """Join the state of an optimizer from the parts of `_split`."""
    state: dict[int, dict[str, Any]] = {}
    for name, value in {**tensors, **others}.items():
        kind, number, *key = name.split(".", 2)
        if kind == OPTIMIZER:
            state.setdefault(int(number), {})[key[0]] = value
    return state


def _continued(group: Mapping[str, Any], saved: Mapping[str, Any]) -> dict[str, Any]:
    """Restore a parameter group of an optimizer; JSON stores tuples as lists."""
    tuples = {key for key, value in group.items() if isinstance(value, tuple)}
    own = {key: tuple(value) if key in tuples else value for key, value in saved.items()}
    return {**group, **own}


def _without_parameters(group: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in group.items() if key != "params"}
