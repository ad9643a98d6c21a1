"""Nothing in a figure lies over something else, however long its names and however many."""

import itertools
import re
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from test_names import FIGURES, counterfactual, dampings, lds, settled

from diffcredit.report.attributions import attribution_figure
from diffcredit.report.convergence import convergence_figure
from diffcredit.report.counterfactual import counterfactual_figure
from diffcredit.report.dampings import damping_figure
from diffcredit.report.lds import lds_figure
from diffcredit.report.style import label, plain_log_ticks
from diffcredit.text import columns, shortened

pytestmark = pytest.mark.slow  # Each figure with many names.


NAMES = {
    "short": "fid",
    "words": "a behavior with a name that goes on and on, and does not end soon",
    "capitals": "ROBERTA'S MEMORIAL COLLECTION OF WALL PAINTINGS FROM MANHATTAN",
    "Chinese": "李雷和韩梅梅" * 8,
    "Arabic": "مرحبا " * 12,
    "dollars": "Ke$ha & A$AP \\frac{ 100% a_b^c",
}


def behaviors(table: pd.DataFrame) -> pd.DataFrame:
    """The table of three behaviors instead of one."""
    name = table["behavior"].iloc[0]
    return pd.concat([table.assign(behavior=f"{number} {name}") for number in range(3)])


def credit(name: str) -> Figure:
    rows = [(c, f"{b} {name}", 0, c, -c, 0.1) for b in range(3) for c in range(5)]
    names = ["contributor", "behavior", "query", "value", "credit", "standard_error"]
    people = pd.DataFrame({"index": range(5), "name": [f"{c} {name}" for c in range(5)]})
    tables = {f"{number} {name}": pd.DataFrame(rows, columns=names) for number in range(5)}
    return attribution_figure(tables, {}, people, {f"{b} {name}": "lower" for b in range(3)})


SIDE_BY_SIDE: dict[str, Callable[[str], Figure]] = {
    "attributions": credit,
    "convergence": lambda name: convergence_figure(behaviors(settled(name)), lds(name)),
    "counterfactual": lambda name: counterfactual_figure(behaviors(counterfactual(name))),
    "dampings": lambda name: damping_figure(behaviors(dampings(name))),
    "lds": lambda name: lds_figure(behaviors(lds(name))),
}


def overlapping(figure: Figure) -> list[tuple[str, str]]:
    """Pairs of upright texts that lie over each other by more than a hair."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    found = [text for text in figure.findobj(Text) if isinstance(text, Text)]
    shown = [t for t in found if t.get_visible() and t.get_text() and t.get_rotation() in (0, 90)]
    # Numbers of an axis that are outside of its limits are not drawn.
    shown = [text for text in shown if not re.fullmatch(r"[\u22120-9.e+-]+", text.get_text())]
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in shown]
    return [
        (first, second)
        for (first, a), (second, b) in itertools.combinations(boxes, 2)
        if min(a.x1, b.x1) - max(a.x0, b.x0) > 1 and min(a.y1, b.y1) - max(a.y0, b.y0) > 1
    ]


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize("name", ["words", "capitals"])
def test_no_text_lies_over_another(figure: str, name: str) -> None:
    assert overlapping(FIGURES[figure](NAMES[name])) == []


@pytest.mark.parametrize("figure", SIDE_BY_SIDE)
@pytest.mark.parametrize("name", NAMES)
def test_no_text_lies_over_that_of_another_panel(figure: str, name: str) -> None:
    assert overlapping(SIDE_BY_SIDE[figure](NAMES[name])) == []


def test_an_overlap_is_found() -> None:
    figure = Figure(figsize=(2, 1))
    for panel in figure.subplots(1, 2):
        panel.set_title("a title that is wider than its panel")
    assert len(overlapping(figure)) >= 1


@pytest.mark.parametrize(
    ("low", "high", "least", "most"),
    [(12, 25, 2, 6), (1, 100, 2, 6), (0.01, 1e6, 3, 9), (1e-10, 1e10, 3, 9), (30, 31, 2, 6)],
)
def test_a_logarithmic_axis_has_ticks_however_wide(
    low: float, high: float, least: int, most: int
) -> None:
    panel = Figure().subplots()
    panel.set(xscale="log", xlim=(low, high))
    plain_log_ticks(panel.xaxis)
    ticks = [tick for tick in panel.get_xticks() if low <= tick <= high]
    assert least <= len(ticks) <= most
    assert np.all(np.diff(ticks) > 0)


def test_a_legend_has_the_lines_of_all_panels() -> None:
    table = pd.concat([settled("a"), settled("b").assign(behavior="a")])
    figure = convergence_figure(table, lds("a"))
    (legend,) = figure.legends
    assert {"a", "b"} <= {text.get_text() for text in legend.get_texts()}


@pytest.mark.parametrize(
    ("name", "most", "expected"),
    [
        ("abcdef", 6, "abcdef"),
        ("abcdefg", 6, "abcd…g"),
        ("李雷李", 6, "李雷李"),
        ("李雷李雷", 6, "李雷…"),
        ("e\u0301" * 6, 6, "e\u0301" * 6),
    ],
)
def test_letters_count_by_their_width(name: str, most: int, expected: str) -> None:
    assert shortened(name, most) == expected
    assert columns(expected) <= most


@pytest.mark.parametrize("name", ["שלום", "مرحبا", "李雷 مرحبا", "a שלום", "١٢٣"])
def test_a_name_from_right_to_left_leaves_what_follows_in_its_place(name: str) -> None:
    assert label(name) == f"\u2068{name}\u2069"


@pytest.mark.parametrize("name", ["ann", "李雷", "🎨", "-5", ""])
def test_other_names_stay_as_they_are(name: str) -> None:
    assert label(name) == (name or '""')
