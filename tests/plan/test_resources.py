"""What jobs ask a cluster for."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from diffcredit.config import load
from diffcredit.plan.resources import LONGEST, Estimates

DEFAULT = load(yaml.safe_load((Path(__file__).parents[2] / "config.yaml").read_text()))


def estimates(device: str = "cpu", **sections: dict[str, Any]) -> Estimates:
    """Of the default configuration with some keys of sections changed, checked or not."""
    changed = {"execution": {"device": device}, **sections}
    return Estimates(
        DEFAULT.model_copy(
            update={
                name: getattr(DEFAULT, name).model_copy(update=keys)
                for name, keys in changed.items()
            }
        )
    )


CIFAR: dict[str, dict[str, Any]] = {
    "model": {
        "channels": [128, 256, 256, 256],
        "attention": [False, True, False, False],
        "norm_groups": 32,
    },
    "data": {"image_size": 32, "channels": 3},
    "full": {"steps": 20000},
}


@pytest.mark.parametrize("name", ["training_memory", "sampling_memory"])
def test_memory_doubles_with_each_attempt(name: str) -> None:
    needed = [getattr(estimates(), name)(attempt) for attempt in (1, 2, 3)]
    assert needed[1] == pytest.approx(2 * needed[0], abs=2)
    assert needed[2] == pytest.approx(4 * needed[0], abs=4)


def test_larger_networks_and_batches_need_more_memory() -> None:
    small = estimates().training_memory(1)
    few = estimates(**CIFAR, training={"batch_size": 8}).training_memory(1)
    many = estimates(**CIFAR, training={"batch_size": 32}).training_memory(1)
    assert small < few < many
    # Measured on CPU: peaks of 2,020 and 3,779 MB.
    assert 2020 < few < 2 * 2020
    assert 3779 < many < 2 * 3779


def test_on_a_gpu_the_batch_is_not_in_the_machines_memory() -> None:
    small, large = (estimates("cuda", **CIFAR, training={"batch_size": size}) for size in (8, 256))
    assert small.training_memory(1) == large.training_memory(1)


def test_time_grows_with_steps_up_to_a_day() -> None:
    found = estimates(**CIFAR)
    short, long = (found.minutes(1, found.of_training(steps)) for steps in (10, 100))
    assert short < long <= LONGEST
    assert found.minutes(1, found.of_training(10**9)) == LONGEST
    assert found.minutes(2, found.of_training(10)) >= short


def test_steps_that_only_the_data_tells_count_as_those_of_the_full_model() -> None:
    found = estimates(**CIFAR)
    assert found.of_training(None) == found.of_training(20000)
