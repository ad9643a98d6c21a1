"""Credit of the contributors with its standard errors."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from diffcredit.registry import Better
from diffcredit.report.style import COLORS, direction, label, legend_columns
from diffcredit.text import columns

#: Maximum letters of contributors' names.
TICK_LETTERS = 28
#: Maximum letters of a behavior's name next to its panel.
NAME_LETTERS = 24


def attribution_figure(
    attributions: dict[str, pd.DataFrame],
    scores: dict[str, pd.DataFrame],
    contributors: pd.DataFrame,
    better: Mapping[str, Better],
    most: int = 40,
) -> Figure:
    """A panel for each behavior: the credit of each contributor by each attribution.

    Up is better for the model in every panel. Where lower values are better, credit is minus the
    value, which an axis on the right shows. Behaviors of unknown direction show their values.
    Contributors are in the order of the last attribution, with those who helped most on the left;
    if there are more than ``most``, only both ends are shown. Local behaviors show the mean over
    queries, with the mean of the standard errors as its upper bound. Attributions from scores of
    images have their own units and are shown, standardized, in separate panels below.
    """
    panels = [
        *[(behavior, tables, "") for behavior, tables in _by_behavior(attributions)],
        *[
            (behavior, {n: _standardized(t) for n, t in tables.items()}, " (sd)")
            for behavior, tables in _by_behavior(scores)
        ],
    ]
    names = [*attributions, *scores]
    colors = {name: COLORS[number % len(COLORS)] for number, name in enumerate(names)}
    shown = min(len(contributors), most)
    # Names are below the panels, rotated; long ones need space.
    longest = max(columns(label(name, TICK_LETTERS)) for name in contributors["name"])
    figure = Figure(figsize=(_width(shown), (2.3 + 0.06 * longest) * len(panels)))
    for axes, (behavior, tables, unit) in zip(
        figure.subplots(len(panels), 1, squeeze=False)[:, 0], panels, strict=True
    ):
        _draw(axes, behavior, tables, contributors, most, colors)
        _name_axes(axes, label(behavior, NAME_LETTERS), better[behavior], unit)
    figure.tight_layout()
    return figure


def _width(contributors: int) -> float:
    """Width of a figure in inches, by the number of contributors."""
    return max(7.0, 0.3 * contributors + 2)


def _name_axes(axes: Axes, name: str, better: Better, unit: str) -> None:
    """Label the left axis with credit; the right one with the value, if it has the other sign."""
    if better is None:
        axes.set_ylabel(f"value of {name}{unit}\n({direction(better)})")
        return
    between = " " if columns(name) < NAME_LETTERS // 2 else "\n"
    axes.set_ylabel(f"credit for{between}{name}{unit}")
    if better == "lower":
        values = axes.secondary_yaxis("right", functions=(np.negative, np.negative))
        values.set_ylabel(f"value ({direction(better)})")


def _by_behavior(tables: dict[str, pd.DataFrame]) -> list[tuple[str, dict[str, pd.DataFrame]]]:
    """Each behavior with the attributions that explain it."""
    behaviors = dict.fromkeys(b for table in tables.values() for b in table["behavior"].unique())
    return [
        (behavior, {n: t for n, t in tables.items() if behavior in set(t["behavior"])})
        for behavior in behaviors
    ]


def _standardized(table: pd.DataFrame) -> pd.DataFrame:
    """Values and credit of each query less their mean, over the values' standard deviation."""
    grouped = table.groupby(["behavior", "query"])
    spread = grouped["value"].transform("std")
    return table.assign(
        value=(table["value"] - grouped["value"].transform("mean")) / spread,
        credit=(table["credit"] - grouped["credit"].transform("mean")) / spread,
        standard_error=table["standard_error"] / spread,
    )


def _draw(
    axes: Axes,
    behavior: str,
    tables: dict[str, pd.DataFrame],
    contributors: pd.DataFrame,
    most: int,
    colors: dict[str, str],
) -> None:
    order = _order(next(reversed(tables.values())), behavior, most)
    width = 0.8 / len(tables)
    for number, (name, table) in enumerate(tables.items()):
        means = _means(table, behavior).loc[order]
        axes.errorbar(
            np.arange(len(order)) + (number - (len(tables) - 1) / 2) * width,
            means["shown"],
            yerr=1.96 * means["standard_error"],
            fmt="o",
            markersize=3.5,
            linewidth=1,
            color=colors[name],
            label=label(name),
        )
    axes.axhline(0, color="0.6", linewidth=0.7, zorder=0)
    names = [label(name, TICK_LETTERS) for name in contributors.set_index("index")["name"][order]]
    axes.set_xticks(range(len(order)), names, rotation=45, ha="right", fontsize=7)
    ncols = legend_columns(tables, _width(len(order)))
    axes.legend(ncols=ncols, loc="lower center", bbox_to_anchor=(0.5, 1.0), fontsize=8)


def _means(table: pd.DataFrame, behavior: str) -> pd.DataFrame:
    """Means over queries for each contributor: shown number, credit if known, standard error."""
    part = table[table["behavior"] == behavior]
    part = part.assign(shown=part["credit"].fillna(part["value"]))
    return part.groupby("contributor")[["shown", "standard_error"]].mean()


def _order(table: pd.DataFrame, behavior: str, most: int) -> list[int]:
    ranked = list(_means(table, behavior)["shown"].sort_values(ascending=False).index)
    return ranked if len(ranked) <= most else ranked[: most // 2] + ranked[-(most // 2) :]
