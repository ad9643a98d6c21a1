"""Changes of behaviors after the top or bottom contributors are removed."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from diffcredit.coalitions.requested.counterfactual import ACTIONS
from diffcredit.coalitions.requested.ranking import RANDOM
from diffcredit.report.style import COLORS, direction, label, legend_columns, letters


def counterfactual_figure(table: pd.DataFrame) -> Figure:
    """A row for each behavior, a column for each action: change against the fraction.

    Titles name the contributors of the action: for a behavior where lower is better, the largest
    values are those of the most harmful contributors. Random removals are gray, in the two columns
    of removals.
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
                    label=label(name),
                )
            panel.axhline(0, color="0.6", linewidth=0.7, zorder=0)
            who = "".join(f" ({who})" for who in taken["who"][:1])
            name = label(behavior, letters(2.6))
            panel.set_title(f"{name}\n{action}{who}", fontsize=9)
        row[0].set_ylabel(f"change (%)\n{direction(part['better'].iloc[0])}")
    for panel in panels[-1]:
        panel.set_xlabel("fraction of contributors")
    figure.tight_layout()
    handles, labels = panels[0, 0].get_legend_handles_labels()
    ncols = legend_columns(labels, figure.get_figwidth())
    figure.legend(handles, labels, ncols=ncols, loc="upper center", bbox_to_anchor=(0.5, 0))
    return figure
