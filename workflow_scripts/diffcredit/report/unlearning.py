"""Figures of unlearning: behaviors by step, the Pareto front, and reconstructed images."""

from collections.abc import Collection, Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from diffcredit.evaluation.unlearning import PRETRAINED, RETRAINED, UNLEARNED, Criterion
from diffcredit.registry import Better
from diffcredit.report.pictures import show
from diffcredit.report.style import (
    COLORS,
    direction,
    label,
    legend_columns,
    letters,
    line_style,
    plain_log_ticks,
)

#: Maximum number of behaviors in a row.
ACROSS = 4

MARKERS = "osD^vPX"

#: Styles of the reference models as lines, and as points.
LINES: dict[str, dict[str, Any]] = {
    PRETRAINED: {"color": "0.45", "linestyle": "--", "linewidth": 1},
    RETRAINED: {"color": "0.45", "linestyle": "-", "linewidth": 1},
}
POINTS: dict[str, dict[str, Any]] = {
    PRETRAINED: {"color": "0.45", "marker": "+", "markersize": 9, "markeredgewidth": 1.8},
    RETRAINED: {"color": "0.45", "marker": "*", "markersize": 10},
}


def curves_figure(
    curves: pd.DataFrame,
    pretrained: str,
    retrained: str | None = None,
    aims: Mapping[str, str] | None = None,
) -> Figure:
    """A panel for each behavior: its value against the steps, with the interval over seeds.

    An axis of values that are positive and 10 times apart is logarithmic.

    Args:
        curves: of the evaluation.
        pretrained: approach that is drawn as a dashed horizontal line.
        retrained: approach whose last step is drawn as a solid horizontal line with a band; None
            for none.
        aims: behavior -> which values are good, in words; see `aims`.
    """
    behaviors = list(dict.fromkeys(curves["behavior"]))
    yardsticks = {pretrained: LINES[PRETRAINED]}
    if retrained is not None:
        yardsticks[retrained] = LINES[RETRAINED]
    names = [name for name in dict.fromkeys(curves["approach"]) if name not in yardsticks]
    looks: dict[str, dict[str, Any]] = {
        name: {**line_style(number)} for number, name in enumerate(names)
    }
    down = -(-len(behaviors) // ACROSS)
    across = -(-len(behaviors) // down)
    figure = Figure(figsize=(max(2.8 * across, 4.5), 2.6 * down))
    panels = figure.subplots(down, across, squeeze=False).ravel()
    for panel, behavior in zip(panels, behaviors, strict=False):
        part = curves[curves["behavior"] == behavior]
        tables = dict(iter(part.groupby("approach")))
        for name, look in looks.items():
            if name in tables:
                # All approaches start at the pretrained model.
                begin = [tables[pretrained]] if pretrained in tables else []
                _draw_curve(panel, pd.concat([*begin, tables[name]]), look)
        for name, look in yardsticks.items():
            if name in tables:
                _draw_across(panel, tables[name].iloc[-1], look)
        _logarithmic_if_apart(panel, "y", part["value"].to_numpy(float))
        panel.set(title=label(behavior, letters(2.2, 10.8)), xlabel="steps")
        panel.set_ylabel((aims or {}).get(behavior, ""), fontsize=8)
    for panel in panels[len(behaviors) :]:
        panel.set_axis_off()
    figure.tight_layout()
    # Not every approach need be in every panel.
    shown = looks | yardsticks
    lines = [panels[0].plot([], [], **look)[0] for look in shown.values()]
    ncols = legend_columns(shown, figure.get_figwidth())
    names = [label(name) for name in shown]
    figure.legend(lines, names, ncols=ncols, loc="upper center", bbox_to_anchor=(0.5, 0))
    return figure


def aims(better: Mapping[str, Better], of_removed: Collection[str]) -> dict[str, str]:
    """Description of the values of each behavior that are good for unlearning.

    Args:
        better: behavior -> which values are good for a model without unlearning.
        of_removed: behaviors of the removed images, which should get worse.
    """
    return {
        name: "higher: forgotten"
        if name in of_removed and way == "lower"
        else "lower: forgotten"
        if name in of_removed and way == "higher"
        else direction(way)
        for name, way in better.items()
    }


def _draw_curve(panel: Axes, rows: pd.DataFrame, look: dict[str, Any]) -> None:
    panel.plot(rows["step"], rows["value"], marker="o", markersize=2.5, linewidth=1.3, **look)
    panel.fill_between(
        rows["step"], rows["low"], rows["high"], color=look["color"], alpha=0.15, linewidth=0
    )


def _draw_across(panel: Axes, row: pd.Series, look: dict[str, Any]) -> None:
    if np.isfinite(row["low"]):
        panel.axhspan(row["low"], row["high"], color="0.9", zorder=0)
    panel.axhline(row["value"], zorder=1, **look)


def outcome_figure(outcomes: pd.DataFrame, quality: Criterion, forgetting: Criterion) -> Figure:
    """Forgetting against quality at the end of each approach, with the intervals over seeds.

    Approaches on the Pareto front are filled, and connected by a line. The axis of the quality is
    logarithmic where its values are positive and 10 times apart.
    """
    figure = Figure(figsize=(5.2, 3.8))
    panel = figure.subplots()
    number = 0
    for _, row in outcomes.iterrows():
        if row["kind"] == UNLEARNED:
            _draw_end(panel, row, quality, forgetting, _point(number, filled=row["front"]))
            number += 1
        else:
            _draw_end(panel, row, quality, forgetting, POINTS[row["kind"]])
    front = outcomes[outcomes["front"]]
    front = front.loc[quality.cost(front).sort_values().index]
    panel.plot(
        front[quality.behavior],
        front[forgetting.behavior],
        drawstyle="steps-post",
        color="0.7",
        linewidth=1,
        zorder=0,
        label="front",
    )
    _logarithmic_if_apart(panel, "x", outcomes[quality.behavior].to_numpy(float))
    panel.set(xlabel=_label(quality), ylabel=_label(forgetting))
    figure.tight_layout()
    ncols = min(3, legend_columns(outcomes["approach"], figure.get_figwidth() + 1))
    figure.legend(ncols=ncols, loc="upper center", bbox_to_anchor=(0.5, 0))
    return figure


def _point(number: int, filled: bool) -> dict[str, Any]:
    color, marker = COLORS[number % len(COLORS)], MARKERS[number // len(COLORS) % len(MARKERS)]
    face = color if filled else "white"
    return {"color": color, "marker": marker, "markersize": 6, "markerfacecolor": face}


def _draw_end(
    panel: Axes, row: pd.Series, quality: Criterion, forgetting: Criterion, look: dict[str, Any]
) -> None:
    """Draw a point, with error bars if there is an interval."""
    (x, across), (y, along) = (_with_spread(row, c.behavior) for c in (quality, forgetting))
    panel.errorbar(
        x,
        y,
        xerr=across,
        yerr=along,
        linestyle="none",
        elinewidth=1,
        label=label(row["approach"]),
        **look,
    )


def _with_spread(row: pd.Series, behavior: str) -> tuple[float, np.ndarray]:
    """A value, and the (2, 1) lengths of its error bars below and above."""
    value, low, high = row[[behavior, f"{behavior}_low", f"{behavior}_high"]].to_numpy(float)
    return value, np.array([[value - low], [high - value]])


def _label(criterion: Criterion) -> str:
    return f"{label(criterion.behavior)} ({direction(criterion.better)})"


def _logarithmic_if_apart(panel: Axes, name: Literal["x", "y"], values: np.ndarray) -> None:
    """Make an axis logarithmic if its values are positive and span a factor of 10.

    Its lower limit is just below the least value, because intervals may reach 0.
    """
    finite = values[np.isfinite(values)]
    if len(finite) and finite.min() > 0 and finite.max() > 10 * finite.min():
        panel.set(**{f"{name}scale": "log"})
        panel.set(**{f"{name}lim": (finite.min() / 1.5, None)})
        plain_log_ticks(panel.xaxis if name == "x" else panel.yaxis)


def strip_figure(removed: np.ndarray, strips: dict[str, tuple[list[int], np.ndarray]]) -> Figure:
    """Reconstructions of a removed image: a row for each approach, a column for each step.

    Args:
        removed: (h, w, c) uint8, shown first in each row.
        strips: approach -> steps, and (steps, h, w, c) uint8 images; missing steps stay empty.
    """
    steps = sorted({step for own, _ in strips.values() for step in own})
    figure = Figure(figsize=(0.8 * (1 + len(steps)) + 1.4, 0.8 * len(strips) + 0.3))
    panels = figure.subplots(len(strips), 1 + len(steps), squeeze=False)
    for row, (name, (own, images)) in zip(panels, strips.items(), strict=True):
        pictures = dict(zip(own, images, strict=True))
        show(row[0], removed)
        row[0].set_ylabel(label(name), rotation=0, ha="right", va="center", fontsize=8)
        for panel, step in zip(row[1:], steps, strict=True):
            if step in pictures:
                show(panel, pictures[step])
            else:
                panel.set_axis_off()
    for panel, title in zip(panels[0], ["removed", *map(str, steps)], strict=True):
        panel.set_title(title, fontsize=8)
    figure.subplots_adjust(hspace=0.08, wspace=0.08)
    return figure
