"""Which fractions of a layer's channels can be pruned."""

import math


def largest_ratio(channels: int, groups: int) -> float:
    """The largest ratio that leaves a channel in each group, and a hair for rounding."""
    return 1 - groups / channels + 1e-9


def accepted_ratios(channels: int, groups: int) -> str:
    """The same for a message, rounded down so that the number told is accepted."""
    largest = math.floor(1000 * largest_ratio(channels, groups)) / 1000
    return f"at most {largest:g}" if largest > 0 else "none; fewer model.norm_groups"
