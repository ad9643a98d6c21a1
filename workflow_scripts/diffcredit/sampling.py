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

#: Name of the fact that tells of which model samples are; see `samples.MODELS`.
MODEL = "model"


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
            {name: read_tensors(path)[0]["images"] for name, path in drawn.items()},
            {name: read_facts(path)[MODEL] for name, path in drawn.items()},
            target,
        )


def _draw_each(
    models: Path,
    settings: Sampling,
    seed: int,
    device: str,
    folder: Path,
    label: str,
) -> dict[str, Path]:
    """Name -> file of samples, for each model of a shard."""
    found = checkpoints.folders(models)
    files = {model.name: folder / f"{model.name}.safetensors" for model in found}
    for other in set(folder.glob("*.safetensors")) - set(files.values()):
        other.unlink()  # of an interrupted run that had other models
    progress = Progress(label, len(found), "models", every=5.0)
    for model in found:
        target = files[model.name]
        fingerprint = _fingerprint(model, settings, seed)
        left = left_behind(read_tensors, target)
        if left is None or left[1].get("fingerprint") != fingerprint:
            trained = checkpoints.load(model)
            began = time.perf_counter()
            images = draw(trained, settings, seed, device)
            of_model = {
                **checkpoints.model_key(model),
                "seconds_training": checkpoints.facts(model)["seconds"],
                "seconds_sampling": time.perf_counter() - began,
            }
            write_tensors({"images": images}, target, {"fingerprint": fingerprint, MODEL: of_model})
            time_limit.stop_if_near()
        progress.advance()
    return files


def _fingerprint(model: Path, settings: Sampling, seed: int) -> str:
    """A digest of all that samples depend on; the weights count by the digest of their folder."""
    code = cached_digest("sampling.py", "models")
    facts = [checkpoints.digest(model), checkpoints.described_by(model)]
    text = json.dumps([*facts, settings.model_dump(), seed, code], sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
