"""What steps, pixels and training images ask of each other."""

from collections.abc import Iterator
from pathlib import Path

from diffcredit.config.counts import known_training_images
from diffcredit.config.messages import problem
from diffcredit.config.schema import Config


def warmup_problems(config: Config) -> list[str]:
    """A training that ends while it still warms up never learns at its rate."""
    shortest: dict[str, tuple[int, int, str]] = {}
    for warmup_key, warmup, steps_key, steps in _warmups(config):
        if warmup > steps:
            told = warmup, steps, steps_key
            shortest[warmup_key] = min(shortest.get(warmup_key, told), told)
    return [
        problem(key, warmup, f"must not exceed {steps_key} = {steps}")
        for key, (warmup, steps, steps_key) in shortest.items()
    ]


def _warmups(config: Config) -> Iterator[tuple[str, int, str, int]]:
    """Steps of the warm-up and of all, of each training, each after its key."""
    steps: dict[str, int | None] = {
        f"approaches.{n}": a.steps for n, a in config.approaches.items()
    }
    if not config.full.pretrained:
        steps["full"] = config.full.steps
    if any(approach.start == "pruned" for approach in config.approaches.values()):
        steps["pruned"] = config.pruned.steps
    for place, count in steps.items():
        if count:
            key, training = config.training_key(place, "warmup_steps"), config.training_of(place)
            yield key, training.warmup_steps, f"{place}.steps", count


def image_count_problems(config: Config, base: Path) -> list[str]:
    """There are training images enough for what looks at some of them, where they are known."""
    train = known_training_images(config.data, base)
    found = []
    for name, behavior in config.behaviors.items():
        if behavior.query_images in ("train", "retained"):
            key = f"behaviors.{name}.measure.queries"
            found += at_most(key, behavior.queries, train, "training images")
    for name, gradients in config.gradients.items():
        key = f"gradients.{name}.shards"
        found += at_most(key, gradients.shards, train, "training images")
    return found


def at_most(key: str, requested: int, there: int | None, what: str) -> list[str]:
    """The line about a key that asks for more than there is; none where that is unknown."""
    if there is None or requested <= there:
        return []
    return [problem(key, requested, f"must not exceed the {there} {what}")]
