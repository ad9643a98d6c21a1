"""How behaviors change when the contributors that attributions name are taken out."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from diffcredit.evaluation.asked import RANDOM
from diffcredit.evaluation.counterfactual import ACTIONS
from diffcredit.report.style import COLORS


def counterfactual_figure(table: pd.DataFrame) -> Figure:
    """A row for each behavior, a column for each action: change against the fraction.

    Random removals stand in gray in the two columns that remove.
    """
    behaviors = list(dict.fromkeys(table["behavior"]))
    names = [name for name in dict.fromkeys(table["attribution"]) if name != RANDOM]
    figure = Figure(figsize=(9, 2.4 * len(behaviors) + 0.7))
    panels = figure.subplots(len(behaviors), len(ACTIONS), sharex=True, squeeze=False)
    for row, behavior in zip(panels, behaviors, strict=True):
        part = table[table["behavior"] == behavior]
        for panel, action in zip(row, ACTIONS, strict=True):
            taken = part[part["action"] == action]
            shown = {name: taken[taken["attribution"] == name] for name in names}
            if action != "keep top":
                shown[RANDOM] = part[part["attribution"] == RANDOM]
            for number, (name, rows) in enumerate(shown.items()):
                shift = 0.004 * (number - (len(shown) - 1) / 2)
                spread = np.abs(rows[["low", "high"]].to_numpy().T - rows["change"].to_numpy())
                panel.errorbar(
                    rows["fraction"] + shift,
                    100 * rows["change"],
                    yerr=100 * spread,
                    color="0.5" if name == RANDOM else COLORS[number % len(COLORS)],
                    marker="o",
                    markersize=4,
                    linewidth=1,
                    label=name,
                )
            panel.axhline(0, color="0.6", linewidth=0.7, zorder=0)
            panel.set_title(f"{behavior}: {action}", fontsize=9)
        row[0].set_ylabel("change (%)")
    for panel in panels[-1]:
        panel.set_xlabel("fraction of contributors")
    figure.tight_layout()
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, ncols=4, loc="upper center", bbox_to_anchor=(0.5, 0))
    return figure
