"""Names that users gave are drawn as they are in every figure and table."""

import html
import re
import warnings
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from test_figures import BETTER, attribution, drawn, images, pictures
from test_unlearning_figures import strips, tables

from diffcredit.evaluation.lds_table import CEILING
from diffcredit.evaluation.unlearning import Criterion, curves, outcomes
from diffcredit.registry import Better
from diffcredit.report.attributions import TICK_LETTERS, attribution_figure
from diffcredit.report.convergence import convergence_figure
from diffcredit.report.cost import cost_figure
from diffcredit.report.counterfactual import counterfactual_figure
from diffcredit.report.dampings import damping_figure
from diffcredit.report.images import proponent_figure, regenerated_figure
from diffcredit.report.lds import lds_figure
from diffcredit.report.samples import contributor_figure, sample_figure
from diffcredit.report.style import MOST_LETTERS, label, write_svg
from diffcredit.report.tables import lds_text, outcome_text, page
from diffcredit.report.unlearning import curves_figure, outcome_figure, strip_figure

NAMES = {
    "dollars": "Ke$ha & A$AP",
    "one dollar": "Ba$$in $",
    "unclosed": "$x^{2 \\frac{a}",
    "backslash": "C:\\new\\table \\$5",
    "percent": "100% %s %(name)s {} {0}",
    "underscores": "snake_case__ x^2_3",
    "newline": "two\nlines",
    "escapes": "\x1b[31mred\x00\u202egnp",
    "Chinese": "李雷 们 𠮷",
    "Japanese": "ひらがな カタカナ 漢字",
    "Korean": "한국어",
    "emoji": "🎨 😀 👩\u200d🎨 🇯🇵",
    "Hebrew and Arabic": "שלום مرحبا",
    "Indian and Thai": "हिन्दी தமிழ் ไทย",
    "combining": "e\u0301 n\u0303 Z\u0338\u0322a\u0301\u0302\u0303",
    "markup": "<script>alert(1)</script> <b>&amp;</b> |pipe| *star*",
    "long": "x" * 150 + "y" * 150,
    "empty": "",
    "spaces": "  two  blanks ",
}


#: Those that are drawn in every figure; all of NAMES are contributors of one.
DRAWN = ["Ke$ha & A$AP \\frac{ 100% a_b^c", "李雷 한국어 🎨 مرحبا", "two\n\x1b[31m <b>|", ""]


def named(table: pd.DataFrame, behavior: str) -> pd.DataFrame:
    return table[table["behavior"] == "fid"].assign(behavior=behavior)


def people(name: str) -> pd.DataFrame:
    return pd.DataFrame({"index": range(5), "name": [name, *"abcd"], "size": 3})


def settled(name: str) -> pd.DataFrame:
    rows = [(name, name, name, name, seconds, 0.1, 0.5) for seconds in (1.0, 2000.0)]
    columns = ["attribution", "approach", "estimator", "behavior", "seconds", "lds", "correlation"]
    return pd.DataFrame(rows, columns=columns)


def lds(name: str) -> pd.DataFrame:
    rows = [(name, name, 0.2, 0.1, 0.3), (CEILING, name, 0.8, 0.7, 0.9)]
    table = pd.DataFrame(rows, columns=["predictor", "behavior", "lds", "low", "high"])
    return table.assign(seed_sd=0.1, coalitions=16, seeds=2, average="values")


def cost(name: str) -> pd.DataFrame:
    seconds = {f"seconds_{stage}": [1.0] for stage in ("training", "sampling", "scoring")}
    return pd.DataFrame({"approach": [name], "distribution": ["test"], "models": [3], **seconds})


def counterfactual(name: str) -> pd.DataFrame:
    rows = [
        (who, name, "lower", action, "harmed most", 0.25, 0.1, 0.0, 0.2)
        for who, action in ((name, "remove top"), ("random", "remove random"))
    ]
    columns = [
        "attribution",
        "behavior",
        "better",
        "action",
        "who",
        "fraction",
        "change",
        "low",
        "high",
    ]
    return pd.DataFrame(rows, columns=columns)


def dampings(name: str) -> pd.DataFrame:
    rows = [(name, name, 10.0**power, 0.1, 0.2, power == 0) for power in range(-2, 7)]
    columns = ["attribution", "behavior", "damping", "lds_chosen_on", "lds", "chosen"]
    return pd.DataFrame(rows, columns=columns).assign(seeds=2, average="values")


def asked(name: str) -> pd.DataFrame:
    return pd.DataFrame(
        {"index": [0, 1, 2], "attribution": [name, name, "random"], "query": [0, 1, -1]}
    )


def unlearned(name: str) -> tuple[pd.DataFrame, pd.DataFrame, Criterion, Criterion]:
    """Curves and outcomes with an approach and a behavior of this name, and what is judged."""
    found = {
        (name if approach == "siss" else approach, seed): table.replace({"behavior": {"fid": name}})
        for (approach, seed), table in tables().items()
    }
    judged = Criterion(name, "lower"), Criterion("ssim", "lower")
    ends = outcomes(found, 0.95, *judged, "pretrained", "exact")
    return curves(found, 0.95), ends, *judged


def one_way(name: str) -> dict[str, Better]:
    return {name: "lower"}


FIGURES = {
    "attributions": lambda name: attribution_figure(
        {name: named(attribution(), name)}, {}, people(name), one_way(name)
    ),
    "contributors": lambda name: contributor_figure(
        images(), people(name), named(attribution(), name), name, "lower"
    ),
    "convergence": lambda name: convergence_figure(settled(name), lds(name)),
    "cost": lambda name: cost_figure(cost(name)),
    "counterfactual": lambda name: counterfactual_figure(counterfactual(name)),
    "dampings": lambda name: damping_figure(dampings(name)),
    "lds": lambda name: lds_figure(lds(name)),
    "proponents": lambda name: proponent_figure(
        images().pixels[:2], images().pixels, {name: np.arange(30.0).reshape(2, 15)}, 2, 1
    ),
    "regenerated": lambda name: regenerated_figure(pictures(), asked(name), drawn(), queries=2),
    "samples": lambda name: sample_figure({name: pictures()}),
    "curves": lambda name: curves_figure(unlearned(name)[0], "pretrained", "exact"),
    "outcomes": lambda name: outcome_figure(*unlearned(name)[1:]),
    "strip": lambda name: strip_figure(strips()[0], {name: strips()[1]["siss"]}),
}


def texts(figure: Figure) -> list[str]:
    found = figure.findobj(Text)
    return [text.get_text() for text in found if isinstance(text, Text)]


@pytest.mark.slow
@pytest.mark.parametrize("figure", FIGURES)
def test_every_figure_draws_every_name_as_it_is(
    tmp_path: Path, figure: str, caplog: pytest.LogCaptureFixture
) -> None:
    for name in DRAWN:
        made = FIGURES[figure](name)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            write_svg(made, tmp_path / "figure.svg")
        # Where there is little room it is shortened, but begins as it does.
        begin = label(name, 12).split("…")[0].strip()
        assert any(begin in text for text in texts(made)), name
        found = [text for text in made.findobj(Text) if isinstance(text, Text)]
        assert not any(text.get_parse_math() for text in found), name
        # Matplotlib's own formulas would be drawn as they are written, too.
        assert not any("mathdefault" in text for text in texts(made)), name
        drawn_texts = re.findall(r"<!-- ?(.*?) -->", (tmp_path / "figure.svg").read_text())
        assert any(begin in html.unescape(text) for text in drawn_texts), name
    assert caplog.records == []  # No letter lacks a font.


def test_every_name_is_drawn_as_it_is(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    count = len(NAMES)
    people = pd.DataFrame({"index": range(count), "name": [*NAMES.values()], "size": 3})
    figure = attribution_figure({"ridge": attribution(count)}, {}, people, BETTER)
    write_svg(figure, tmp_path / "figure.svg")
    assert caplog.records == []  # No letter lacks a font.
    labels = {tick.get_text() for tick in figure.axes[0].get_xticklabels()}
    assert labels == {label(name, TICK_LETTERS) for name in NAMES.values()}
    assert not any(text.get_parse_math() for text in figure.findobj(Text))


def test_letters_that_no_font_has_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    figure = Figure()
    figure.subplots().set_title("\U00012000")  # Cuneiform.
    write_svg(figure, tmp_path / "figure.svg")
    (record,) = caplog.records
    assert "figure.svg: no font has" in record.getMessage()
    assert record.levelname == "WARNING"


def test_fonts_do_not_change_how_latin_letters_look() -> None:
    families = matplotlib.rcParams["font.family"]
    assert families[0] == "DejaVu Sans"
    assert {"Noto Sans CJK JP", "Noto Emoji"} <= set(families)


def test_a_long_name_leaves_room_for_the_figure() -> None:
    assert len(label("x" * 300)) == MOST_LETTERS


@pytest.mark.parametrize("name", NAMES)
def test_tables_have_every_name_as_it_is(name: str) -> None:
    text = page("t", {"scores": pd.DataFrame({"contributor": [NAMES[name]], NAMES[name]: [1.0]})})
    cell = re.search(r"<td>(.*?)</td>", text, re.DOTALL)
    assert cell is not None
    assert "<" not in cell[1]
    shown = html.unescape(cell[1])
    head = html.unescape(re.findall(r"<th>(.*?)</th>", text, re.DOTALL)[1])
    # Browsers show blanks in a row as one, and none at the ends.
    assert shown.split() == head.split()
    if name not in ("newline", "escapes", "empty"):
        assert shown.split() == NAMES[name].split()
    # Blanks that must not be lost are no-break spaces.
    plain = shown.replace("\N{NO-BREAK SPACE}", " ")
    assert plain.isprintable() or name in ("emoji", "Hebrew and Arabic", "Indian and Thai")
    assert text.encode()


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_texts_have_a_line_for_a_row_whatever_its_name(name: str) -> None:
    text = lds_text(lds(NAMES[name]), 0.95)
    assert len(text.splitlines()) == 2 + 3
    told = outcome_text(*unlearned(NAMES[name])[1:])
    table = [line for line in told.splitlines() if line.startswith("|")]
    assert len(table) == 2 + 5
    cells = [len(re.split(r"(?<!\\)(?:\\\\)*\|", line)) for line in table]
    assert len(set(cells)) == 1
    assert (text + told).encode()
