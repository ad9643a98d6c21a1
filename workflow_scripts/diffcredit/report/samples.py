"""Grids of images: real images, samples of models, and images of contributors."""

import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torchvision.utils import make_grid

from diffcredit.data.images import Images
from diffcredit.data.tensors import channels_first
from diffcredit.registry import Better
from diffcredit.report.pictures import show
from diffcredit.report.style import direction, label, letters


def sample_figure(grids: dict[str, torch.Tensor], images: int = 64) -> Figure:
    """Side by side, for each title, a square grid of its first images ((n, c, h, w) uint8)."""
    figure = Figure(figsize=(2.4 * len(grids), 2.7))
    panels = figure.subplots(1, len(grids), squeeze=False)[0]
    for panel, (title, pictures) in zip(panels, grids.items(), strict=True):
        _show_grid(panel, pictures[:images], columns=int(np.ceil(np.sqrt(images))))
        panel.set_title(label(title, letters(2.2, 8)), fontsize=8)
    figure.tight_layout()
    return figure


def contributor_figure(
    images: Images,
    contributors: pd.DataFrame,
    attribution: pd.DataFrame,
    behavior: str,
    better: Better,
    most: int = 6,
    columns: int = 20,
) -> Figure:
    """A row of images for each contributor, from the most helpful to the most harmful.

    Rows show the credit, or the value if the direction of the behavior is unknown.
    """
    part = attribution[attribution["behavior"] == behavior]
    part = part.assign(shown=part["credit"].fillna(part["value"]))
    values = part.groupby("contributor")["shown"].mean().sort_values(ascending=False)
    split = min(most, (len(values) + 1) // 2)
    order = [*values.index[:split], *values.index[split:][-most:]]
    names = contributors.set_index("index")["name"]
    figure = Figure(figsize=(7.5, 0.42 * len(order) + 0.5))
    panels = figure.subplots(len(order), 1, squeeze=False)[:, 0]
    pixels = channels_first(images.pixels)
    for panel, contributor in zip(panels, order, strict=True):
        _show_grid(panel, pixels[images.contributors == contributor][:columns], columns)
        panel.set_ylabel(
            f"{label(names[contributor])}  {values[contributor]:+.3g}",
            rotation=0,
            ha="right",
            va="center",
            fontsize=8,
        )
    what = "most to least credit" if better else "largest to smallest value"
    minus = ", which is minus the value" if better == "lower" else ""
    title = f"{what} for {label(behavior)}{minus}\n({direction(better)})"
    panels[0].set_title(title, fontsize=9)
    figure.subplots_adjust(left=0.3, hspace=0.08)
    return figure


def _show_grid(panel: Axes, pictures: torch.Tensor, columns: int) -> None:
    """Images (n, c, h, w) uint8 in rows of so many."""
    grid = make_grid(pictures, nrow=columns, padding=1, pad_value=255)
    show(panel, grid.permute(1, 2, 0).numpy())
    panel.set_xlim(-0.5, columns * (pictures.shape[-1] + 1) + 0.5)
