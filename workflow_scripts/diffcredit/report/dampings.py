"""LDS against damping, on the test coalitions and on the coalitions for choosing it."""

import pandas as pd
from matplotlib.figure import Figure

from diffcredit.report.style import label, legend_columns, letters, line_style, plain_log_ticks
from diffcredit.report.tables import averaged


def damping_figure(table: pd.DataFrame) -> Figure:
    """A panel for each behavior: LDS of each attribution by damping, the chosen one marked.

    Dots mark the chosen damping. Faint lines are the LDS on the coalitions for choosing it.

    Args:
        table: of the evaluation (`evaluation.dampings`).
    """
    behaviors = list(dict.fromkeys(table["behavior"]))
    looks = {name: line_style(n) for n, name in enumerate(dict.fromkeys(table["attribution"]))}
    figure = Figure(figsize=(3.6 * len(behaviors) + 0.6, 3.2))
    panels = figure.subplots(1, len(behaviors), sharey=True, squeeze=False)[0]
    for panel, behavior in zip(panels, behaviors, strict=True):
        part = table[table["behavior"] == behavior]
        for name, rows in part.groupby("attribution", sort=False):
            look = looks[str(name)]
            panel.plot(rows["damping"], rows["lds"], linewidth=1.3, **look)
            panel.plot(rows["damping"], rows["lds_chosen_on"], linewidth=0.8, alpha=0.4, **look)
            chosen = rows[rows["chosen"]]
            panel.plot(chosen["damping"], chosen["lds"], "o", color=look["color"], markersize=5)
        panel.axhline(0, color="0.6", linewidth=0.7, zorder=0)
        panel.set(title=label(behavior, letters(2.8, 10.8)), xscale="log", xlabel="damping")
        plain_log_ticks(panel.xaxis)
    panels[0].set_ylabel("LDS")
    if how := averaged(table):
        figure.suptitle(f"LDS: {how}", fontsize=9)
    figure.tight_layout()
    lines = [panels[0].plot([], [], **look)[0] for look in looks.values()]
    names = [label(name) for name in looks]
    ncols = legend_columns(looks, figure.get_figwidth())
    figure.legend(lines, names, ncols=ncols, loc="upper center", bbox_to_anchor=(0.5, 0))
    return figure
