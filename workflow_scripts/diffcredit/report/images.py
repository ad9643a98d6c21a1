"""Figures of single images: their proponents and opponents, and regenerated images."""

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure

from diffcredit.coalitions.requested.proponents_removed import EVERY
from diffcredit.coalitions.requested.ranking import RANDOM
from diffcredit.report.pictures import show
from diffcredit.report.style import label

#: Number of queries in the figure of proponents.
QUERIES = 4
#: Number of regenerated images in the figure.
MOST = 12


def proponent_figure(
    queries: np.ndarray,
    train: np.ndarray,
    scores: dict[str, np.ndarray],
    proponents: int = 5,
    opponents: int = 3,
) -> Figure:
    """A block for each of the first queries: a strip for each method.

    Args:
        queries: (q, h, w, c) uint8.
        train: (n, h, w, c) uint8.
        scores: (q, n) by method, larger where an image helps.
        proponents: number of images with the largest scores to show.
        opponents: number of images with the smallest scores to show.
    """
    shown, columns = min(QUERIES, len(queries)), 1 + proponents + opponents
    rows = len(scores)
    height = 0.85 * rows + 0.35
    figure = Figure(figsize=(0.75 * columns + 1.4, shown * height))
    blocks = figure.subfigures(shown, 1, squeeze=False)[:, 0]
    for query, block in enumerate(blocks):
        panels = block.subplots(rows, columns, squeeze=False)
        for row, (name, found) in zip(panels, scores.items(), strict=True):
            order = np.argsort(-found[query], kind="stable")
            chosen = [*order[:proponents], *order[-opponents:]]
            show(row[0], queries[query])
            row[0].set_ylabel(label(name), rotation=0, ha="right", va="center", fontsize=8)
            for panel, image in zip(row[1:], chosen, strict=True):
                show(panel, train[image])
                panel.set_xlabel(f"{found[query, image]:.2g}", fontsize=6, labelpad=1)
        for panel, title in zip(
            panels[0, [0, 1, 1 + proponents]], ("query", "proponents", "opponents"), strict=True
        ):
            panel.set_title(title, fontsize=8, loc="left")
        top, bottom = 1 - 0.25 / height, 0.2 / height
        block.subplots_adjust(left=0.24, right=0.99, top=top, bottom=bottom, hspace=0.5)
    return figure


def regenerated_figure(
    full: torch.Tensor, coalitions: pd.DataFrame, drawn: dict[int, torch.Tensor], queries: int
) -> Figure:
    """The full model's images, and below them the regenerated images for each attribution.

    Args:
        full: (n, c, h, w) uint8 samples of the full model.
        coalitions: of `coalitions.requested.proponents_removed`.
        drawn: samples of the model of each coalition.
        queries: number of regenerated images; the first of them are shown.
    """
    queries = min(queries, MOST)
    names = list(dict.fromkeys(coalitions["attribution"]))
    figure = Figure(figsize=(0.8 * queries + 1.6, 0.85 * (1 + len(names))))
    panels = figure.subplots(1 + len(names), queries, squeeze=False)
    titles = ["full model", *(n if n == RANDOM else f"without top of {label(n)}" for n in names)]
    for row, title in zip(panels, titles, strict=True):
        row[0].set_ylabel(title, rotation=0, ha="right", va="center", fontsize=8)
    for query in range(queries):
        show(panels[0, query], full[query].permute(1, 2, 0).numpy())
        for row, name in zip(panels[1:], names, strict=True):
            part = coalitions[coalitions["attribution"] == name]
            own = part[part["query"].isin([query, EVERY])].iloc[0]
            show(row[query], drawn[int(own["index"])][query].permute(1, 2, 0).numpy())
    figure.subplots_adjust(left=0.25)
    return figure
