"""Folders of pretrained U-Nets: their files, and checks; imports no torch."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diffcredit.config.messages import problem, shown
from diffcredit.config.places import missing_folder
from diffcredit.config.weights import pointer
from diffcredit.errors import UserError
from diffcredit.files import read_json
from diffcredit.models.betas import betas
from diffcredit.models.families.unet_sizes import (
    DEFAULTS,
    LEAST_SIDE,
    accepted_ratios,
    fraction_problem,
    largest_ratio,
    unet,
)

if TYPE_CHECKING:
    from diffcredit.config.schema import Config

CONFIG = "config.json"
#: The weights of a model folder of diffcredit, then those of diffusers, the first that is there.
OURS = "weights.safetensors"
WEIGHTS = (OURS, "diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.bin")
#: What diffusers says of the moving average that the weights of a model are, in its config.json.
AVERAGE = (
    *("decay", "min_decay", "optimization_step", "update_after_step"),
    *("use_ema_warmup", "inv_gamma", "power"),
)
NUMBER = ("a number above 0", lambda v: _number(v) and v > 0)
WHOLE = ("a whole number, 1 or more", lambda v: _whole(v) and v >= 1)
FLAG = ("true or false", lambda v: isinstance(v, bool))
TEXT = ("a name", lambda v: isinstance(v, str))
BLOCKS = (
    "a list of names",
    lambda v: isinstance(v, list) and v and all(isinstance(b, str) for b in v),
)


def _or_null(accepted: tuple[str, Callable[[Any], Any]]) -> tuple[str, Callable[[Any], Any]]:
    told, check = accepted
    return f"{told}, or null", lambda value: value is None or check(value)


#: The keys of a UNet2DModel, and what each may be; those that are asked for elsewhere may be all.
KEYS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    **dict.fromkeys(
        (
            *("sample_size", "in_channels", "out_channels", "time_embedding_type"),
            *("class_embed_type", "num_class_embeds", "num_train_timesteps"),
        ),
        ("", lambda _: True),
    ),
    **dict.fromkeys(("center_input_sample", "flip_sin_to_cos", "add_attention"), FLAG),
    "time_embedding_dim": _or_null(WHOLE),
    "freq_shift": ("a number, 0 or more", lambda v: _number(v) and v >= 0),
    **dict.fromkeys(("down_block_types", "up_block_types"), BLOCKS),
    "mid_block_type": _or_null(TEXT),
    "block_out_channels": (
        "a list of whole numbers",
        lambda v: isinstance(v, list) and v and all(_whole(w) and w > 0 for w in v),
    ),
    "layers_per_block": WHOLE,
    "mid_block_scale_factor": NUMBER,
    "downsample_padding": ("a whole number, 0 or more", lambda v: _whole(v) and v >= 0),
    **dict.fromkeys(("downsample_type", "upsample_type", "act_fn"), TEXT),
    "dropout": ("a number, 0 or more and below 1", lambda v: _number(v) and 0 <= v < 1),
    **dict.fromkeys(("attention_head_dim", "attn_norm_num_groups"), _or_null(WHOLE)),
    "norm_num_groups": WHOLE,
    "norm_eps": NUMBER,
    "resnet_time_scale_shift": TEXT,
}
#: Where diffusers keeps what a model was trained with, beside it.
SCHEDULERS = ("scheduler/scheduler_config.json", "scheduler_config.json")


@dataclass(frozen=True)
class Files:
    """The files of a pretrained model.

    Attributes:
        config: the structure of the network.
        weights: of diffcredit, or of diffusers.
        scheduler: the noise schedule of its training; None if it is unknown.
    """

    config: Path
    weights: Path
    scheduler: Path | None

    @property
    def present(self) -> list[Path]:
        """All existing files."""
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
    if missing := missing_folder(folder):
        raise UserError(missing)
    place = next((p for p in (folder, folder / "unet") if (p / CONFIG).is_file()), None)
    if place is None:
        raise UserError(f"must hold {CONFIG}, or unet/{CONFIG}")
    weights = next((place / name for name in WEIGHTS if (place / name).is_file()), None)
    if weights is None:
        raise UserError(f"{place} must hold one of {', '.join(WEIGHTS)}")
    if told := pointer(weights):
        raise UserError(told)
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
        structure = content.get("structure")
        arguments = structure.get("architecture") if isinstance(structure, dict) else None
        if not isinstance(arguments, dict):
            raise UserError(f"{files.config} does not describe a model")
        return arguments
    if (kind := content.get("_class_name")) != "UNet2DModel":
        raise UserError(f"{files.config} describes a {shown(kind)}; accepted: a UNet2DModel")
    ours = {k: v for k, v in content.items() if not k.startswith("_") and k not in AVERAGE}
    if unknown := [key for key in ours if key not in KEYS]:
        raise UserError(
            f"{files.config} does not describe a model that is known here: a UNet2DModel has no "
            f"{unknown[0]} = {shown(ours[unknown[0]])}; accepted: what diffusers writes"
        )
    return ours


def averaged(files: Files) -> int | None:
    """Number of training steps in the average of the weights; None if it is unknown."""
    steps: Any = read_json(files.config).get("averaged" if files.ours else "optimization_step")
    return steps if _whole(steps) and steps >= 0 else None


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def pretrained_problems(config: Config, base: Path) -> list[str]:
    """A message for each way in which a pretrained model does not fit."""
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
        found += _average_problems(files, config)
    except UserError as error:
        misfits = [str(error)]
    else:
        found += _pruning_problems(network, config)
        found += _pruned_twice(files, config)
    return found + [problem("full.pretrained", path, misfit) for misfit in misfits]


def _pruned_twice(files: Files, config: Config) -> list[str]:
    """A message about pruning a network again by a fraction of its size."""
    from_it = any(approach.start == "pruned" for approach in config.approaches.values())
    target = config.pruned.target
    if not (files.ours and from_it and target != "channels"):
        return []
    if not read_json(files.config).get("structure", {}).get("pruning"):
        return []
    accepted = "the model of full.pretrained was pruned before; accepted: channels"
    return [problem("pruned.target", target, accepted)]


def _network_misfits(network: dict[str, Any], config: Config) -> list[str]:
    """Messages about a network that does not fit the images, or predicts more than their noise."""
    data = config.data
    size, channels = f"data.image_size = {data.image_size}", f"data.channels = {data.channels}"
    # The key, what diffusers takes where it is missing, what it must be, and why.
    required = [
        ("sample_size", None, data.image_size, f"the images have {size}"),
        ("in_channels", 3, data.channels, f"the images have {channels}"),
        ("out_channels", 3, data.channels, f"the noise, and nothing else, has {channels}"),
        ("time_embedding_type", "positional", "positional", "noise levels are numbered"),
        ("class_embed_type", None, None, "models of classes are not known"),
        ("num_class_embeds", None, None, "models of classes are not known"),
    ]
    found = [
        f"it has {key} = {shown(found)}, not {shown(wanted)}: {reason}"
        for key, default, wanted, reason in required
        if (found := network.get(key, default)) != wanted
    ]
    wrong = [*_wrong_values(network), *_unlike_blocks(network)]
    return [*found, *(wrong or _wrong_sizes(network))]


def _wrong_sizes(network: dict[str, Any]) -> list[str]:
    """Sizes that the layers cannot have, at which diffusers fails when it builds or runs them."""
    known = {**DEFAULTS, **network}
    widths, groups = known["block_out_channels"], known["norm_num_groups"]
    found = [
        f"it has norm_num_groups = {groups}, which does not divide its {width} channels"
        for width in dict.fromkeys(widths)
        if width % groups
    ]
    head = known["attention_head_dim"]
    names = zip(widths, known["down_block_types"], strict=False)
    attending = {width for width, name in names if name.startswith("Attn")} | {widths[-1]}
    found += [
        f"it has attention_head_dim = {head}, which does not divide its {width} channels"
        for width in sorted(attending)
        if head is not None and width % head
    ]
    side, halvings = network.get("sample_size"), len(widths) - 1
    if _whole(side) and (side % 2**halvings or side < LEAST_SIDE * 2**halvings):
        found.append(
            f"its {len(widths)} block_out_channels halve sample_size = {side} {halvings} times; "
            f"it must be a multiple of {2**halvings}, at least {LEAST_SIDE * 2**halvings}"
        )
    return found


def _wrong_values(network: dict[str, Any]) -> list[str]:
    """Values of which diffusers makes no network, or fails only when it runs."""
    return [
        f"it has {key} = {network[key]!r}; accepted: {accepted}"
        for key, (accepted, fits) in KEYS.items()
        if key in network and not fits(network[key])
    ]


def _unlike_blocks(network: dict[str, Any]) -> list[str]:
    """Every resolution has channels, a block on the way down and one on the way up."""
    widths = network.get("block_out_channels")
    if not isinstance(widths, list):
        return []
    return [
        f"it has {len(blocks)} {key}, not {len(widths)}: one for each of block_out_channels"
        for key in ("down_block_types", "up_block_types")
        if isinstance(blocks := network.get(key), list) and len(blocks) != len(widths)
    ]


def _average_problems(files: Files, config: Config) -> list[str]:
    """A message about continuing an average with an unknown number of steps."""
    if averaged(files) is not None:
        return []
    return [
        problem(
            f"approaches.{name}.training.ema.continued",
            True,
            f"{files.config} does not say after how many steps; accepted: false",
        )
        for name, approach in config.approaches.items()
        if approach.start == "full" and config.training_of(f"approaches.{name}").ema.continued
    ]


def _noise_misfits(files: Files, config: Config) -> list[str]:
    """Messages about a different noise schedule."""
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
        f"{files.scheduler} has {key} = {shown(found)}, not {shown(wanted)}: noise is DDPM's, of "
        f"model.timesteps = {timesteps}"
        for key, (found, wanted) in compared.items()
        if not _equal(found, wanted)
    ]


def _equal(found: Any, wanted: Any) -> bool:
    numbers = isinstance(found, float) and isinstance(wanted, float)
    return math.isclose(found, wanted) if numbers else found == wanted


def _pruning_problems(network: dict[str, Any], config: Config) -> list[str]:
    """Messages about pruning ratios that the network does not allow."""
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
    target, ratio = config.pruned.target, config.pruned.ratio
    if target != "channels":
        refused = fraction_problem(unet(network), target, ratio)
        return [problem("pruned.ratio", ratio, refused)] if refused else []
    least = min(widths)
    if ratio <= largest_ratio(least, groups):
        return []
    accepted = f"each of {groups} norm groups of full.pretrained must keep a channel of {least}"
    ratios = accepted_ratios(least, groups)
    return [problem("pruned.ratio", ratio, f"{accepted}; accepted: {ratios}")]
