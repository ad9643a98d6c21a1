"""The common style of figures; names are shown literally, in any script."""

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

#: Maximum letters of a name; longer names are shortened.
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
        # Names are plain text: a dollar sign does not start a formula.
        "text.parse_math": False,
        # Each letter uses the first font that has it.
        "font.family": ["DejaVu Sans", *_add_fonts(FONT_PACKAGES)],
        "axes.spines.top": False,
        "axes.spines.right": False,
        "font.size": 9,
        "legend.frameon": False,
        # Makes files reproducible.
        "svg.hashsalt": "diffcredit",
    }
)
# Met whenever a text is measured; `write_svg` tells of them.
warnings.filterwarnings("ignore", message=r"Glyph \d+ ")

#: Distinct for most color-blind readers (Okabe & Ito 2008).
COLORS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]

LINES = ["-", "--", ":", "-."]

#: Logarithmic axes with a larger ratio of their ends have no ticks at 3 times powers of 10.
MOST_WITH_THREES = 2e4
#: Maximum number of ticks of a logarithmic axis.
MOST_TICKS = 7


def label(name: object, most: int = MOST_LETTERS) -> str:
    """A user's name for figures: in one line, with the middle of a long name left out."""
    return isolated(shortened(shown(name), most))


def letters(inches: float, size: float = 9.0) -> int:
    """Number of letters of a size, in points, that fit into some inches."""
    return int(inches * 72 / (0.7 * size))


def legend_columns(names: Iterable[object], inches: float) -> int:
    """Number of columns, at most 4, of a legend that fits into some inches."""
    widest = max((columns(label(name)) for name in names), default=0)
    return max(1, min(4, letters(inches) // (widest + 5)))


def direction(better: Better) -> str:
    """Which values of a behavior are good, in words."""
    return f"{better} is better" if better else "which way is better is unknown"


def line_style(number: int) -> dict[str, str]:
    """Color and dashes of line ``number``; there are 28 combinations."""
    dashes = LINES[number // len(COLORS) % len(LINES)]
    return {"color": COLORS[number % len(COLORS)], "linestyle": dashes}


class PlainLogLocator(Locator):
    """Ticks of a logarithmic axis of any range.

    They are at 1 and 3 times the powers of 10; on a wide axis at some powers of 10; and at round
    numbers if the axis contains fewer than two of these.
    """

    def __call__(self) -> Sequence[float]:
        """The positions of ticks."""
        assert self.axis is not None
        return self.tick_values(*self.axis.get_view_interval())

    def tick_values(self, vmin: float, vmax: float) -> Sequence[float]:
        """The positions of ticks between two positive limits."""
        low, high = sorted((vmin, vmax))
        subs = (1, 3) if high < MOST_WITH_THREES * low else (1,)
        first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
        apart = math.ceil((last - first) / MOST_TICKS)
        ticks = [sub * 10.0**power for power in range(first, last + 1, apart) for sub in subs]
        within = [tick for tick in ticks if low <= tick <= high]
        return within if len(within) > 1 else MaxNLocator(3).tick_values(low, high)


def plain_log_ticks(axis: Axis) -> None:
    """Use plain numbers on a logarithmic axis."""
    axis.set_major_locator(PlainLogLocator())
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())


def write_svg(figure: Figure, path: str | Path) -> None:
    """Write a figure atomically, without a date; warn about letters that no font has."""
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
