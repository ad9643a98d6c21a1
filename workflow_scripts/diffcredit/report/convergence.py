"""LDS against compute, and convergence of the values."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from diffcredit.evaluation.lds_table import CEILING
from diffcredit.report.style import label, legend_columns, letters, line_style, plain_log_ticks
from diffcredit.report.tables import averaged
from diffcredit.text import columns

#: Maximum number of panels in a row.
ACROSS = 4


def convergence_figure(table: pd.DataFrame, lds: pd.DataFrame) -> Figure:
    """For each behavior and approach: LDS against seconds (top), correlation with the end (bottom).

    Args:
        table: of the evaluation, with columns attribution, approach and estimator.
        lds: the LDS table, for the noise ceiling and the kind of average over training seeds.
    """
    table = table.assign(line=_lines(table))
    looks = {line: line_style(number) for number, line in enumerate(table["line"].unique())}
    parts = [
        part
        for _, rows in table.groupby("behavior", sort=False)
        for _, part in rows.groupby("approach", sort=False)
    ]
    blocks = [parts[first : first + ACROSS] for first in range(0, len(parts), ACROSS)]
    figure = Figure(figsize=(2.6 * len(blocks[0]) + 0.8, 4.8 * len(blocks) + 0.4))
    panels = figure.subplots(
        2 * len(blocks), len(blocks[0]), sharex=True, sharey=True, squeeze=False
    )
    for number, block in enumerate(blocks):
        rows = panels[2 * number : 2 * number + 2]
        for (above, below), part in zip(rows.T, block, strict=False):
            _draw(above, below, part, lds, looks)
        for above, below in rows.T[len(block) :]:
            above.set_axis_off()
            below.set_axis_off()
        rows[0, 0].set_ylabel("LDS")
        rows[1, 0].set_ylabel("rank correlation\nwith the values of all models")
    if how := averaged(lds):
        figure.suptitle(f"LDS: {how}", fontsize=9)
    figure.tight_layout()
    # Not every attribution need be in every panel.
    legend = {
        name: handle
        for panel in panels.ravel()
        for handle, name in zip(*panel.get_legend_handles_labels(), strict=True)
    }
    figure.legend(
        legend.values(),
        legend,
        ncols=min(3, legend_columns(legend, figure.get_figwidth())),
        loc="upper center",
        bbox_to_anchor=(0.5, 0),
    )
    return figure


def _lines(table: pd.DataFrame) -> pd.Series:
    """Names of lines: attributions, or their estimators if these are unique for each approach."""
    names = table["attribution"]
    if table["approach"].nunique() == 1:
        return names
    alone = table.groupby(["approach", "estimator"])["attribution"].transform("nunique") == 1
    return table["estimator"].where(alone, names)


def _draw(
    above: Axes, below: Axes, part: pd.DataFrame, lds: pd.DataFrame, looks: dict[str, Any]
) -> None:
    behavior, approach = part[["behavior", "approach"]].iloc[0]
    _ceiling(above, lds[(lds["predictor"] == CEILING) & (lds["behavior"] == behavior)])
    for line, rows in part.groupby("line", sort=False):
        look: dict[str, Any] = {"marker": "o", "markersize": 3, **looks[str(line)]}
        above.plot(rows["seconds"], rows["lds"], label=label(line), **look)
        below.plot(rows["seconds"], rows["correlation"], **look)
    above.set(title=_title(behavior, approach), xscale="log", ylim=(-1.05, 1.05))
    below.set(xlabel="seconds spent on models")
    below.tick_params(labelbottom=True)
    plain_log_ticks(above.xaxis)


def _title(behavior: str, approach: str) -> str:
    """The title of a panel, in one line if there is space."""
    room = letters(2.1, 10.8)
    names = label(behavior, room), label(approach, room)
    return (", " if sum(map(columns, names)) + 2 <= room else ",\n").join(names)


def _ceiling(panel: Axes, ceiling: pd.DataFrame) -> None:
    """Draw a band for the ceiling's interval, if there is one."""
    for lds, low, high in ceiling[["lds", "low", "high"]].to_numpy():
        panel.axhspan(low, high, color="0.9", zorder=0)
        panel.axhline(lds, color="0.5", linewidth=1, label="noise ceiling")
