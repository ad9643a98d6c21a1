"""One look for all figures."""

from pathlib import Path

import matplotlib
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from diffcredit.files import whole

matplotlib.use("Agg")
matplotlib.rcParams.update(
    {
        "axes.spines.top": False,
        "axes.spines.right": False,
        "font.size": 9,
        "legend.frameon": False,
        # The same input gives the same file.
        "svg.hashsalt": "diffcredit",
    }
)

#: Distinct for most color-blind readers (Okabe & Ito 2008).
COLORS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]

LINES = ["-", "--", ":", "-."]


def line_style(number: int) -> dict[str, str]:
    """Color and dashes of line ``number``: 28 differ."""
    dashes = LINES[number // len(COLORS) % len(LINES)]
    return {"color": COLORS[number % len(COLORS)], "linestyle": dashes}


def plain_log_ticks(axis: Axis) -> None:
    """Plain numbers at 1 and 3 times the powers of 10, on an axis that is logarithmic."""
    axis.set_major_locator(LogLocator(subs=(1, 3)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())


def write_svg(figure: Figure, path: str | Path) -> None:
    """Write a figure whole, without the date."""
    with whole(path) as part:
        figure.savefig(part, format="svg", bbox_inches="tight", metadata={"Date": None})
