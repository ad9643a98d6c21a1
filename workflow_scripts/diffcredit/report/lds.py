"""LDS with intervals, against the noise ceiling."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from diffcredit.evaluation.lds_table import CEILING, SIZE
from diffcredit.report.style import COLORS, label, letters
from diffcredit.report.tables import averaged
from diffcredit.text import columns


def lds_figure(table: pd.DataFrame) -> Figure:
    """A panel for each behavior: LDS of each predictor, the ceiling as a band."""
    behaviors = list(dict.fromkeys(table["behavior"]))
    predictors = [name for name in dict.fromkeys(table["predictor"]) if name != CEILING]
    # Names of predictors stand on the left.
    left = max(1.8, 0.09 * max(columns(label(name)) for name in predictors))
    figure = Figure(figsize=(2.3 * len(behaviors) + left, 0.34 * len(predictors) + 1.3))
    panels = figure.subplots(1, len(behaviors), sharey=True, squeeze=False)[0]
    for panel, behavior in zip(panels, behaviors, strict=True):
        rows = table[table["behavior"] == behavior].set_index("predictor")
        if CEILING in rows.index:
            ceiling = rows.loc[CEILING]
            panel.axvspan(ceiling["low"], ceiling["high"], color="0.9", zorder=0)
            panel.axvline(ceiling["lds"], color="0.5", linewidth=1, label="noise ceiling")
        shown = rows.reindex(predictors)
        spread = np.abs(shown[["low", "high"]].to_numpy() - shown[["lds"]].to_numpy()).T
        heights = np.arange(len(predictors))[::-1]
        colors = ["0.5" if name == SIZE else COLORS[0] for name in predictors]
        panel.errorbar(shown["lds"], heights, xerr=spread, fmt="none", ecolor=colors, linewidth=1.2)
        panel.scatter(shown["lds"], heights, c=colors, s=22, zorder=3)
        panel.axvline(0, color="0.6", linewidth=0.7, zorder=0)
        title = label(behavior, letters(2.0, 10.8))
        panel.set(title=title, xlim=(-1.05, 1.05), xlabel="LDS (1 is perfect)")
        panel.xaxis.set_major_formatter("{x:g}")
        panel.set_yticks(heights, [label(name) for name in predictors])
    if how := averaged(table):
        figure.suptitle(f"LDS: {how}", fontsize=9)
    figure.tight_layout()
    if CEILING in set(table["predictor"]):
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="upper center", bbox_to_anchor=(0.5, 0), fontsize=8)
    return figure
