"""Images drawn from models, from the same initial noises for every model."""

import hashlib
import time
from pathlib import Path
from typing import Any

import torch

from diffcredit import time_limit
from diffcredit.code import cached_digest
from diffcredit.config import Sampling
from diffcredit.files import left_behind, read_json, read_tensors, write_tensors
from diffcredit.logs import Progress
from diffcredit.models import checkpoints, ddpm
from diffcredit.models.checkpoints import Trained


def initial_noise(architecture: dict[str, Any], images: int, seed: int) -> torch.Tensor:
    """(images, c, h, w) standard normal; the first k do not depend on how many are asked for."""
    generator = torch.Generator().manual_seed(seed)
    side = architecture["sample_size"]
    noise = torch.empty(images, architecture["in_channels"], side, side)
    for one in noise:
        torch.randn(one.shape, generator=generator, out=one)
    return noise


def draw(
    trained: Trained, settings: Sampling, timesteps: int, seed: int, device: str
) -> torch.Tensor:
    """(images, c, h, w) uint8 samples of a model, on the CPU."""
    noise = initial_noise(trained.description.architecture, settings.images, seed).to(device)
    network = trained.network.to(device).eval()
    return ddpm.sample(network, noise, timesteps, settings.steps, settings.batch_size).cpu()


def sample_shard(
    models: Path,
    settings: Sampling,
    timesteps: int,
    seed: int,
    device: str,
    folder: Path,
    label: str,
) -> None:
    """Write the samples of each model of a shard to ``folder``/<index>.safetensors.

    Samples that an interrupted run left there are kept where they come from the same model.
    The facts of each file tell the seconds of training and of sampling.
    """
    found = checkpoints.folders(models)
    names = {model.name for model in found}
    for other in folder.glob("*.safetensors"):
        if other.stem not in names:  # of an interrupted run that had other models
            other.unlink()
    progress = Progress(label, len(found), "models", every=5.0)
    for model in found:
        target = folder / f"{model.name}.safetensors"
        mark = _fingerprint(model, settings, timesteps, seed)
        left = left_behind(read_tensors, target)
        if left is None or left[1].get("fingerprint") != mark:
            trained = checkpoints.load(model)
            began = time.perf_counter()
            images = draw(trained, settings, timesteps, seed, device)
            facts = {
                "fingerprint": mark,
                "seconds_training": read_json(model / checkpoints.CONFIG)["facts"]["seconds"],
                "seconds_sampling": time.perf_counter() - began,
            }
            write_tensors({"images": images}, target, facts)
            time_limit.stop_if_near()
        progress.advance()


def _fingerprint(model: Path, settings: Sampling, timesteps: int, seed: int) -> str:
    digest = hashlib.blake2b((model / checkpoints.WEIGHTS).read_bytes(), digest_size=16)
    code = cached_digest("sampling.py", "models")
    digest.update(repr((settings.model_dump(), timesteps, seed, code)).encode())
    return digest.hexdigest()
