"""Defaults that were chosen for the demonstration: 8x8 digits on a laptop."""

from diffcredit.config.messages import shown
from diffcredit.config.schema import Config
from diffcredit.registry import DATASETS

#: Keys whose defaults are too small for larger images, by section.
CHOSEN_FOR_DIGITS = {
    "model": ("channels", "attention"),
    "full": ("steps", "learning_rate"),
    "pruned": ("steps", "learning_rate"),
    "classifier": ("channels", "steps"),
    "sampling": ("steps",),
}
#: Steps and rates of the default approaches, which no typed default says.
APPROACHES = {
    "sft": {"steps": 80, "learning_rate": 0.0018},
    "retrain": {"steps": 200, "learning_rate": 0.006},
}


def unfit_defaults(config: Config) -> str | None:
    """A warning where other images are trained on with the steps and the model of the digits.

    Returns:
        What to say, with each key and its value; None where there is nothing to say.
    """
    source = config.data.source.name
    if DATASETS[source].demonstration:
        return None
    used = {name for name, approach in config.approaches.items() if approach.coalitions}
    pruned = any(approach.start == "pruned" for approach in config.approaches.values())
    left_out = set() if pruned else {"pruned"}
    if config.full.pretrained:
        left_out |= {"full", "model"}
    kept = [
        f"{section}.{key} = {shown(value)}"
        for section, keys in CHOSEN_FOR_DIGITS.items()
        if section not in left_out
        for key in keys
        if key in type(getattr(config, section)).model_fields
        and (value := getattr(getattr(config, section), key)) == _default(config, section, key)
    ]
    kept += [
        f"approaches.{name}.{key} = {value}"
        for name, keys in APPROACHES.items()
        if name in used
        for key, value in keys.items()
        if getattr(config.approaches[name], key) == value
    ]
    if not kept:
        return None
    return (
        f"these defaults were chosen for 8x8 digits, and the images of source {source} "
        f"have {config.data.image_size}x{config.data.image_size} pixels: {', '.join(kept)}; "
        "choose them for your images"
    )


def _default(config: Config, section: str, key: str) -> object:
    return type(getattr(config, section)).model_fields[key].default
