"""Values of the contributors with their standard errors."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from diffcredit.report.style import COLORS


def attribution_figure(
    attributions: dict[str, pd.DataFrame], contributors: pd.DataFrame, most: int = 40
) -> Figure:
    """A panel for each behavior: the value of each contributor by each attribution.

    Contributors stand in the order of the last attribution; of more than ``most``, the ends show.
    Vector behaviors show the mean over their queries, with the mean of the errors as its bound.
    """
    behaviors = list(dict.fromkeys(next(iter(attributions.values()))["behavior"]))
    shown = min(len(contributors), most)
    figure = Figure(figsize=(max(7.0, 0.42 * shown + 2), 2.4 * len(behaviors)))
    panels = figure.subplots(len(behaviors), 1, squeeze=False)[:, 0]
    for panel, behavior in zip(panels, behaviors, strict=True):
        order = _order(next(reversed(attributions.values())), behavior, most)
        width = 0.8 / len(attributions)
        for number, (name, table) in enumerate(attributions.items()):
            means = _means(table, behavior).loc[order]
            panel.errorbar(
                np.arange(len(order)) + (number - (len(attributions) - 1) / 2) * width,
                means["value"],
                yerr=1.96 * means["standard_error"],
                fmt="o",
                markersize=3.5,
                linewidth=1,
                color=COLORS[number % len(COLORS)],
                label=name,
            )
        panel.axhline(0, color="0.6", linewidth=0.7, zorder=0)
        panel.set_ylabel(behavior)
        names = contributors.set_index("index")["name"][order]
        panel.set_xticks(range(len(order)), names, rotation=45, ha="right", fontsize=7)
    panels[0].legend(ncols=min(4, len(attributions)), loc="lower center", bbox_to_anchor=(0.5, 1.0))
    figure.tight_layout()
    return figure


def _means(table: pd.DataFrame, behavior: str) -> pd.DataFrame:
    part = table[table["behavior"] == behavior]
    return part.groupby("contributor")[["value", "standard_error"]].mean()


def _order(table: pd.DataFrame, behavior: str, most: int) -> list[int]:
    ranked = list(_means(table, behavior)["value"].sort_values(ascending=False).index)
    return ranked if len(ranked) <= most else ranked[: most // 2] + ranked[-(most // 2) :]
