"""Images drawn from models, from the same initial noises for every model."""

import hashlib
import json
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from diffcredit import samples, time_limit
from diffcredit.code import cached_digest
from diffcredit.config import Sampling
from diffcredit.files import left_behind, pieces, read_facts, read_tensors, write_tensors
from diffcredit.logs import Progress
from diffcredit.models import checkpoints, diffusion
from diffcredit.models.checkpoints import Trained


def initial_noise(shape: Sequence[int], count: int, seed: int) -> torch.Tensor:
    """(count, *shape) standard normal; the first k do not depend on the count."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.empty(count, *shape)
    for one in noise:
        torch.randn(one.shape, generator=generator, out=one)
    return noise


def draw(trained: Trained, settings: Sampling, seed: int, device: str) -> torch.Tensor:
    """(images, c, h, w) uint8 samples of a model, on the CPU."""
    family = trained.family
    noise = initial_noise(family.shape, settings.images, seed).to(device)
    network = trained.network.to(device).eval()
    found = diffusion.sample(family, network, noise, settings.steps, settings.batch_size)
    return found.cpu()


def sample_shard(
    models: Path,
    settings: Sampling,
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
        drawn = _draw_each(models, settings, seed, device, folder, label)
        samples.write_shard(
            {path.stem: read_tensors(path)[0]["images"] for path in drawn},
            {path.stem: read_facts(path)[samples.SECONDS] for path in drawn},
            target,
        )


def _draw_each(
    models: Path,
    settings: Sampling,
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
        fingerprint = _fingerprint(model, settings, seed)
        left = left_behind(read_tensors, target)
        if left is None or left[1].get("fingerprint") != fingerprint:
            trained = checkpoints.load(model)
            began = time.perf_counter()
            images = draw(trained, settings, seed, device)
            seconds = {
                "seconds_training": checkpoints.facts(model)["seconds"],
                "seconds_sampling": time.perf_counter() - began,
            }
            facts = {"fingerprint": fingerprint, samples.SECONDS: seconds}
            write_tensors({"images": images}, target, facts)
            time_limit.stop_if_near()
        files.append(target)
        progress.advance()
    return files


def _fingerprint(model: Path, settings: Sampling, seed: int) -> str:
    """A digest of all that samples depend on; the weights count by the digest of their folder."""
    code = cached_digest("sampling.py", "models")
    facts = [checkpoints.digest(model), checkpoints.described_by(model)]
    text = json.dumps([*facts, settings.model_dump(), seed, code], sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
