"""One look for all figures, in which every name is drawn as it is."""

import math
import re
import warnings
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path

import matplotlib
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
from matplotlib.ticker import Locator, MaxNLocator, NullFormatter

from diffcredit.files import whole
from diffcredit.logs import logger
from diffcredit.registry import Better
from diffcredit.text import columns, isolated, shortened, shown

#: Packages of fonts (Noto, under the Open Font License) for what DejaVu, Matplotlib's own, lacks:
#: Chinese, Japanese and Korean; emoji and the other scripts.
FONT_PACKAGES = ("noto_cjk_sans_jp_regular", "manimgx_fonts")

#: Letters of a name that are drawn: a longer one would leave no room for what is shown.
MOST_LETTERS = 40


def _add_fonts(packages: Iterable[str]) -> list[str]:
    """Make the fonts of packages known to Matplotlib; their names, those of upright ones once."""
    places = [place for package in packages if (place := find_spec(package))]
    folders = [
        Path(folder) for place in places for folder in place.submodule_search_locations or ()
    ]
    names = {}
    for file in (file for folder in folders for file in sorted(folder.glob("*.[ot]tf"))):
        fontManager.addfont(file)
        if (added := fontManager.ttflist[-1]).style == "normal":
            names[added.name] = file
    return list(names)


matplotlib.use("Agg")
matplotlib.rcParams.update(
    {
        # Names are text: a dollar sign begins no formula.
        "text.parse_math": False,
        # For each letter the first of these that has it.
        "font.family": ["DejaVu Sans", *_add_fonts(FONT_PACKAGES)],
        "axes.spines.top": False,
        "axes.spines.right": False,
        "font.size": 9,
        "legend.frameon": False,
        # The same input gives the same file.
        "svg.hashsalt": "diffcredit",
    }
)
# Met whenever a text is measured; `write_svg` tells of them.
warnings.filterwarnings("ignore", message=r"Glyph \d+ ")

#: Distinct for most color-blind readers (Okabe & Ito 2008).
COLORS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]

LINES = ["-", "--", ":", "-."]

#: A logarithmic axis whose ends are further apart has no ticks at 3 times the powers of 10.
MOST_WITH_THREES = 2e4
#: Most ticks of a logarithmic axis.
MOST_TICKS = 7


def label(name: object, most: int = MOST_LETTERS) -> str:
    """A name that a user gave, as figures show it: in one line, and both ends of a long one."""
    return isolated(shortened(shown(name), most))


def letters(inches: float, size: float = 9.0) -> int:
    """How many letters of a size, in points, so many inches have room for."""
    return int(inches * 72 / (0.7 * size))


def legend_columns(names: Iterable[object], inches: float) -> int:
    """How many columns, at most 4, a legend of names has that is not wider than so much."""
    widest = max((columns(label(name)) for name in names), default=0)
    return max(1, min(4, letters(inches) // (widest + 5)))


def direction(better: Better) -> str:
    """Which values of a behavior are good, in words."""
    return f"{better} is better" if better else "which way is better is unknown"


def line_style(number: int) -> dict[str, str]:
    """Color and dashes of line ``number``: 28 differ."""
    dashes = LINES[number // len(COLORS) % len(LINES)]
    return {"color": COLORS[number % len(COLORS)], "linestyle": dashes}


class PlainLogLocator(Locator):
    """Ticks of a logarithmic axis however wide it is.

    At 1 and 3 times the powers of 10; of a wide axis at some powers of 10, and of one that is so
    short that it holds fewer than two of these, at round numbers.
    """

    def __call__(self) -> Sequence[float]:
        """Values that get a tick and a number."""
        assert self.axis is not None
        return self.tick_values(*self.axis.get_view_interval())

    def tick_values(self, vmin: float, vmax: float) -> Sequence[float]:
        """Values that get a tick and a number between two limits, both positive."""
        low, high = sorted((vmin, vmax))
        subs = (1, 3) if high < MOST_WITH_THREES * low else (1,)
        first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
        apart = math.ceil((last - first) / MOST_TICKS)
        ticks = [sub * 10.0**power for power in range(first, last + 1, apart) for sub in subs]
        within = [tick for tick in ticks if low <= tick <= high]
        return within if len(within) > 1 else MaxNLocator(3).tick_values(low, high)


def plain_log_ticks(axis: Axis) -> None:
    """Plain numbers on an axis that is logarithmic."""
    axis.set_major_locator(PlainLogLocator())
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())


def write_svg(figure: Figure, path: str | Path) -> None:
    """Write a figure whole, without the date; letters that no font has are told."""
    with warnings.catch_warnings(record=True) as caught, whole(path) as part:
        warnings.simplefilter("always")
        figure.savefig(part, format="svg", bbox_inches="tight", metadata={"Date": None})
    missing = [re.match(r"Glyph \d+ \((.*?)\) missing", str(each.message)) for each in caught]
    for each, found in zip(caught, missing, strict=True):
        if not found:
            warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)
    if letters := list(dict.fromkeys(found[1] for found in missing if found)):
        logger.warning(
            "%s: no font has %s; boxes are drawn instead\n"
            "    Hint: install the fonts of envs/requirements.txt",
            Path(path).name,
            ", ".join(letters[:5]) + (f" and {len(letters) - 5} more" if letters[5:] else ""),
        )
