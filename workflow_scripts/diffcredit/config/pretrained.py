"""A full model that was trained elsewhere: its files, and whether it fits; it needs no torch."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diffcredit.config.messages import problem
from diffcredit.config.ratios import accepted_ratios, largest_ratio
from diffcredit.config.schedule import betas
from diffcredit.config.schema import Config
from diffcredit.errors import UserError
from diffcredit.files import read_json

CONFIG = "config.json"
#: The weights of a model folder of diffcredit, then those of diffusers, the first that is there.
OURS = "weights.safetensors"
WEIGHTS = (OURS, "diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.bin")
#: Where diffusers keeps what a model was trained with, beside it.
SCHEDULERS = ("scheduler/scheduler_config.json", "scheduler_config.json")


@dataclass(frozen=True)
class Files:
    """What a pretrained model consists of.

    Attributes:
        config: says what its network is made of.
        weights: of diffcredit, or of diffusers.
        scheduler: says which noise it was trained with; None where nothing does.
    """

    config: Path
    weights: Path
    scheduler: Path | None

    @property
    def present(self) -> list[Path]:
        """All of them."""
        return [path for path in (self.config, self.weights, self.scheduler) if path]

    @property
    def ours(self) -> bool:
        """Whether diffcredit wrote it."""
        return self.weights.name == OURS


def find(path: str | Path, base: Path = Path()) -> Files:
    """The files of a model: in a folder, or where it is of a pipeline in its folder unet.

    Args:
        path: of the folder; it may begin with ~.
        base: folder that it is relative to.

    Raises:
        UserError: where one is missing.
    """
    folder = base / Path(path).expanduser()
    if not folder.is_dir():
        raise UserError("must be an existing folder")
    place = next((p for p in (folder, folder / "unet") if (p / CONFIG).is_file()), None)
    if place is None:
        raise UserError(f"must hold {CONFIG}, or unet/{CONFIG}")
    weights = next((place / name for name in WEIGHTS if (place / name).is_file()), None)
    if weights is None:
        raise UserError(f"{place} must hold one of {', '.join(WEIGHTS)}")
    around = [place.parent, place] if place.name == "unet" else [place]
    scheduler = next((p / s for p in around for s in SCHEDULERS if (p / s).is_file()), None)
    return Files(place / CONFIG, weights, scheduler)


def architecture(files: Files) -> dict[str, Any]:
    """The keyword arguments of the U-Net.

    Raises:
        UserError: where the file describes none.
    """
    content = read_json(files.config)
    if files.ours:
        arguments = content.get("architecture")
        if not isinstance(arguments, dict):
            raise UserError(f"{files.config} does not describe a model")
        return arguments
    if (kind := content.get("_class_name")) != "UNet2DModel":
        raise UserError(f"{files.config} describes a {kind}; accepted: a UNet2DModel")
    return {key: value for key, value in content.items() if not key.startswith("_")}


def pretrained_problems(config: Config, base: Path) -> list[str]:
    """One line for each way in which a pretrained model does not fit, if there is one."""
    path = config.full.pretrained
    if path is None:
        return []
    found = [
        problem(f"full.{key}", value, "must be 1 where full.pretrained names the model")
        for key in ("models", "snapshots")
        if (value := getattr(config.full, key)) > 1
    ]
    try:
        files = find(path, base)
        network = architecture(files)
        misfits = [*_network_misfits(network, config), *_noise_misfits(files, config)]
    except UserError as error:
        misfits = [str(error)]
    else:
        found += _pruning_problems(network, config)
    return found + [problem("full.pretrained", path, misfit) for misfit in misfits]


def _network_misfits(network: dict[str, Any], config: Config) -> list[str]:
    """What a network must be to see the images and to be asked for their noise, nothing else."""
    data = config.data
    size, channels = f"data.image_size = {data.image_size}", f"data.channels = {data.channels}"
    # The key, what diffusers takes where it is missing, what it must be, and why.
    asked = [
        ("sample_size", None, data.image_size, f"the images have {size}"),
        ("in_channels", 3, data.channels, f"the images have {channels}"),
        ("out_channels", 3, data.channels, f"the noise, and nothing else, has {channels}"),
        ("time_embedding_type", "positional", "positional", "noise levels are numbered"),
        ("class_embed_type", None, None, "models of classes are not known"),
        ("num_class_embeds", None, None, "models of classes are not known"),
    ]
    return [
        f"it has {key} = {found!r}, not {wanted!r}: {reason}"
        for key, default, wanted, reason in asked
        if (found := network.get(key, default)) != wanted
    ]


def _noise_misfits(files: Files, config: Config) -> list[str]:
    """It must have been trained with the noise that is added to images here."""
    if files.scheduler is None:
        return []
    timesteps, content = config.model.timesteps, read_json(files.scheduler)
    schedule: dict[str, Any] = {
        "num_train_timesteps": timesteps,
        "beta_schedule": "linear",
        **betas(timesteps),
    }
    # These may be missing, and are this then.
    others = {"trained_betas": None, "rescale_betas_zero_snr": False, "prediction_type": "epsilon"}
    compared = {key: (content.get(key), wanted) for key, wanted in schedule.items()}
    compared |= {key: (content.get(key, wanted), wanted) for key, wanted in others.items()}
    return [
        f"{files.scheduler} has {key} = {found!r}, not {wanted!r}: noise is DDPM's, of "
        f"model.timesteps = {timesteps}"
        for key, (found, wanted) in compared.items()
        if not _equal(found, wanted)
    ]


def _equal(found: Any, wanted: Any) -> bool:
    numbers = isinstance(found, float) and isinstance(wanted, float)
    return math.isclose(found, wanted) if numbers else found == wanted


def _pruning_problems(network: dict[str, Any], config: Config) -> list[str]:
    """What is asked of `model` elsewhere, where the full model is made of it."""
    from_it = [name for name, a in config.approaches.items() if a.start == "pruned"]
    if not from_it:
        return []
    if network.get("resnet_time_scale_shift", "default") != "default":
        key = f"approaches.{from_it[0]}.start"
        accepted = "full.pretrained has scale_shift, with which pruning is not known"
        return [problem(key, "pruned", f"{accepted}; accepted: others")]
    widths, groups = network.get("block_out_channels"), network.get("norm_num_groups", 32)
    if not widths or not groups or groups > min(widths):
        return []
    least = min(widths)
    if config.pruned.ratio <= largest_ratio(least, groups):
        return []
    accepted = f"each of {groups} norm groups of full.pretrained must keep a channel of {least}"
    ratios = accepted_ratios(least, groups)
    return [problem("pruned.ratio", config.pruned.ratio, f"{accepted}; accepted: {ratios}")]
