"""Seconds of one model of each approach."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from diffcredit.behaviors.table import COSTS
from diffcredit.report.style import COLORS, label


def cost_figure(table: pd.DataFrame) -> Figure:
    """Stacked bars: training, sampling and scoring of one model."""
    names = [
        f"{label(row.approach)}/{label(row.distribution)} ({row.models})"
        for row in table.itertuples()
    ]
    figure = Figure(figsize=(6.5, 0.36 * len(table) + 1.1))
    panel = figure.subplots()
    heights = np.arange(len(table))[::-1]
    left = np.zeros(len(table))
    for color, column in zip(COLORS, COSTS, strict=False):
        seconds = table[column].to_numpy()
        panel.barh(heights, seconds, left=left, color=color, label=column.split("_")[1])
        left += seconds
    for height, total in zip(heights, left, strict=True):
        panel.text(total, height, f" {total:.1f} s", va="center", fontsize=8)
    panel.set_yticks(heights, names)
    panel.set_xlabel("seconds for one model (number of models in brackets)")
    panel.legend(ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    figure.tight_layout()
    return figure
