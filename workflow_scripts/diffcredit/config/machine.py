"""Checks of the configuration against this machine; imports no torch."""

import os
import shutil
from pathlib import Path

from diffcredit.config.messages import problem
from diffcredit.config.schema import Config
from diffcredit.errors import UserError


def device_problems(config: Config) -> list[str]:
    """Messages about settings that the kind of device does not support."""
    if config.execution.device == "cpu" and (keys := _halved(config)):
        return [_no_fp16(key, "execution.device = 'cpu'") for key in keys]
    return _share_problems(config)


def machine_problems(config: Config, devices: Path = Path("/dev")) -> list[str]:
    """Messages about settings that this machine does not support.

    Args:
        config: the configuration.
        devices: where the system lists its devices.
    """
    device = config.execution.device
    if device == "cpu" or may_have_gpu(devices):
        return []
    if device == "cuda":
        named = os.environ.get("CUDA_VISIBLE_DEVICES")
        why = "" if named is None else f" (CUDA_VISIBLE_DEVICES = {named!r})"
        accepted = f"no GPU is visible here{why}; accepted: auto or cpu"
        return [problem("execution.device", device, accepted, "execution.device: cpu")]
    reason = "execution.device = 'auto', and no GPU is visible here"
    return [_no_fp16(key, reason) for key in _halved(config)]


def check(config: Config) -> None:
    """Check that this machine supports the configuration, if the jobs run on it.

    Raises:
        UserError: with one line for each wrong key.
    """
    if found := machine_problems(config) if jobs_run_here() else []:
        raise UserError("\n".join(["This machine cannot run the configuration:", *found]))


def may_have_gpu(devices: Path = Path("/dev")) -> bool:
    """False if there cannot be a GPU; does not query the driver."""
    first = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0].strip()
    if first in ("", "-1"):
        return False
    there = len(list(devices.glob("nvidia[0-9]*")))
    if there and first.isdecimal() and int(first) >= there:
        return False  # CUDA sees no GPU from the first on that does not exist.
    names = ("nvidia[0-9]*", "nvidiactl", "kfd", "dxg", "nvhost*")
    return any(next(devices.glob(name), None) for name in names)


#: Where one of these is, jobs may run on another machine.
SUBMITTERS = ("sbatch", "qsub", "bsub", "condor_submit", "kubectl")


def jobs_run_here() -> bool:
    """Whether this machine has no way to send jobs to others."""
    return not any(map(shutil.which, SUBMITTERS))


def _halved(config: Config) -> list[str]:
    """Keys that ask for fp16, of all models or of those of an approach."""
    common = {"training.mixed_precision": config.training.mixed_precision}
    own = {
        config.training_key(place, "mixed_precision"): config.training_of(place).mixed_precision
        for place in config.recipes
    }
    return [key for key, precision in (common | own).items() if precision == "fp16"]


def _no_fp16(key: str, reason: str) -> str:
    accepted = f"there is none on the CPU ({reason}); accepted: no or bf16"
    return problem(key, "fp16", accepted, f"{key}: bf16")


def _share_problems(config: Config) -> list[str]:
    """Every part of a batch is shared out to the GPUs."""
    gpus = config.execution.gpus
    if config.execution.device == "cpu":
        return []
    found: dict[str, None] = {}
    for place in ("full", "pruned"):
        training = config.training_of(place)
        share = training.batch_size // training.gradient_accumulation
        keys = [config.training_key(place, key) for key in ("batch_size", "gradient_accumulation")]
        if share % gpus:
            accepted = f"must divide {' / '.join(keys)} = {share}, the images of a step"
            found[problem("execution.gpus", gpus, f"{accepted} that they share")] = None
    return [*found]
