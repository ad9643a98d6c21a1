"""Images drawn from models, from the same initial noises for every model."""

import hashlib
import time
from pathlib import Path
from typing import Any

import torch

from diffcredit import samples, time_limit
from diffcredit.code import cached_digest
from diffcredit.config import Sampling
from diffcredit.files import left_behind, pieces, read_facts, read_json, read_tensors, write_tensors
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
    target: Path,
    label: str,
) -> None:
    """Write the samples of all models of a shard to the file ``target``.

    Until all are there, those of each model are in a folder beside it. What an interrupted run left
    there is kept where it comes from the same model.
    """
    with pieces(target) as folder:
        drawn = _draw_each(models, settings, timesteps, seed, device, folder, label)
        samples.write_shard(
            {path.stem: read_tensors(path)[0]["images"] for path in drawn},
            {path.stem: read_facts(path)[samples.SECONDS] for path in drawn},
            target,
        )


def _draw_each(
    models: Path,
    settings: Sampling,
    timesteps: int,
    seed: int,
    device: str,
    folder: Path,
    label: str,
) -> list[Path]:
    """A file of samples for each model of a shard."""
    found = checkpoints.folders(models)
    names = {model.name for model in found}
    for other in folder.glob("*.safetensors"):
        if other.stem not in names:  # of an interrupted run that had other models
            other.unlink()
    progress, files = Progress(label, len(found), "models", every=5.0), []
    for model in found:
        target = folder / f"{model.name}.safetensors"
        mark = _fingerprint(model, settings, timesteps, seed)
        left = left_behind(read_tensors, target)
        if left is None or left[1].get("fingerprint") != mark:
            trained = checkpoints.load(model)
            began = time.perf_counter()
            images = draw(trained, settings, timesteps, seed, device)
            seconds = {
                "seconds_training": read_json(model / checkpoints.CONFIG)["facts"]["seconds"],
                "seconds_sampling": time.perf_counter() - began,
            }
            facts = {"fingerprint": mark, samples.SECONDS: seconds}
            write_tensors({"images": images}, target, facts)
            time_limit.stop_if_near()
        files.append(target)
        progress.advance()
    return files


def _fingerprint(model: Path, settings: Sampling, timesteps: int, seed: int) -> str:
    digest = hashlib.blake2b((model / checkpoints.WEIGHTS).read_bytes(), digest_size=16)
    code = cached_digest("sampling.py", "models")
    digest.update(repr((settings.model_dump(), timesteps, seed, code)).encode())
    return digest.hexdigest()
