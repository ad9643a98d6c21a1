"""Keys that had another name in earlier versions, with their new names."""

from collections.abc import Sequence
from typing import Any

#: Where a key was (* stands for the name of an entry), and what to write instead.
RENAMED = {
    "scores": "attributions, whose entries name a method, too",
    "attributions.*.estimator": "method",
    **{
        f"{section}.{old}": new
        for section in ("training", "approaches.*.training")
        for old, new in (
            ("learning_rate_schedule", "schedule"),
            ("adam_betas", "optimizer: {name: adam, betas: [...]}"),
            ("adam_epsilon", "optimizer: {name: adam, epsilon: ...}"),
            ("weight_decay", "optimizer: {name: adamw, weight_decay: ...}"),
        )
    },
    "attributions.*.patches": "method: {name: patches, scales: [...], timesteps: [...]}",
}


def renamed(place: Sequence[Any]) -> str | None:
    """What to say of a key that has a new name; None for any other key."""
    for pattern, new in RENAMED.items():
        parts = pattern.split(".")
        if len(parts) == len(place) and all(
            part in ("*", key) for part, key in zip(parts, place, strict=True)
        ):
            return f"this key has a new name: {new}"
    return None
