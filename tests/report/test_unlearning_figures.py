"""Figures of approaches that delete images: what they show, and that they repeat to the byte."""

from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from diffcredit.evaluation.unlearning import Criterion, Tables
from diffcredit.evaluation.unlearning import curves as curves_of
from diffcredit.evaluation.unlearning import outcomes as outcomes_of
from diffcredit.registry import Better
from diffcredit.report.style import write_svg
from diffcredit.report.unlearning import aims, curves_figure, outcome_figure, strip_figure

QUALITY, FORGETTING = Criterion("fid", "lower"), Criterion("ssim", "lower")
#: FID and SSIM at the end: naive and siss are on the front, neg_grad is not.
ENDS = {"naive": (11.0, 0.8), "siss": (14.0, 0.2), "neg_grad": (300.0, 0.3)}


def measured(step: int, fid: float, ssim: float) -> pd.DataFrame:
    found = {"behavior": ["fid", "ssim"], "query": 0, "value": [fid, ssim]}
    return pd.DataFrame({"step": step, **found, "seconds_training": 0.1 * step})


def tables(seeds: int = 3) -> Tables:
    """All start at the pretrained model."""
    begun = measured(0, 10.0, 0.9)
    unlearned = {
        (name, seed): pd.concat([begun, measured(20, fid + seed, ssim)])
        for name, (fid, ssim) in ENDS.items()
        for seed in range(seeds)
    }
    retrained = {("exact", seed): measured(500, 12.0 + seed, 0.25) for seed in range(seeds)}
    return {("pretrained", 0): begun} | retrained | unlearned


def curves(seeds: int = 3) -> pd.DataFrame:
    return curves_of(tables(seeds), 0.95)


def outcomes(seeds: int = 3) -> pd.DataFrame:
    return outcomes_of(tables(seeds), 0.95, QUALITY, FORGETTING, "pretrained", "exact")


def strips() -> tuple[np.ndarray, dict[str, tuple[list[int], np.ndarray]]]:
    pixels = np.random.default_rng(0).integers(0, 256, (4, 5, 5, 1), dtype=np.uint8)
    return pixels[0], {"siss": ([0, 20], pixels[1:3]), "naive": ([0, 5, 10], pixels[1:])}


FIGURES: dict[str, Callable[[], Figure]] = {
    "curves": lambda: curves_figure(curves(), "pretrained", "exact"),
    "outcomes": lambda: outcome_figure(outcomes(), QUALITY, FORGETTING),
    "strip": lambda: strip_figure(*strips()),
}

TEXTS = {
    "curves": ["fid", "ssim", "steps", *ENDS, "pretrained", "exact"],
    "outcomes": ["fid (lower is better)", "ssim (lower is better)", "front", *ENDS, "exact"],
    "strip": ["removed", "0", "5", "10", "20", "siss", "naive"],
}


def texts(figure: Figure) -> set[str]:
    return {text.get_text() for text in figure.findobj(Text) if isinstance(text, Text)}


@pytest.mark.parametrize("name", FIGURES)
def test_figure_shows_its_table_and_repeats_to_the_byte(tmp_path: Path, name: str) -> None:
    first, again = tmp_path / "first.svg", tmp_path / "again.svg"
    figure = FIGURES[name]()
    write_svg(figure, first)
    write_svg(FIGURES[name](), again)
    assert first.read_bytes() == again.read_bytes()
    assert [text for text in TEXTS[name] if text not in texts(figure)] == []


@pytest.mark.parametrize(("behaviors", "shape"), [(1, (1, 1)), (4, (1, 4)), (5, (2, 3))])
def test_panels_are_wrapped(behaviors: int, shape: tuple[int, int]) -> None:
    fid = curves().query("behavior == 'fid'")
    many = pd.concat([fid.assign(behavior=f"behavior {b}") for b in range(behaviors)])
    panels = curves_figure(many, "pretrained").axes
    assert panels[0].get_gridspec().get_geometry() == shape
    assert [panel.axison for panel in panels].count(True) == behaviors


def test_values_far_apart_have_a_logarithmic_axis() -> None:
    fid, ssim = curves_figure(curves(), "pretrained", "exact").axes
    assert (fid.get_yscale(), ssim.get_yscale()) == ("log", "linear")
    (panel,) = outcome_figure(outcomes(), QUALITY, FORGETTING).axes
    assert (panel.get_xscale(), panel.get_yscale()) == ("log", "linear")
    near = outcomes().query("approach != 'neg_grad'")
    (panel,) = outcome_figure(near, QUALITY, FORGETTING).axes
    assert panel.get_xscale() == "linear"


def test_values_that_a_logarithmic_axis_would_hide_keep_it_linear() -> None:
    table = outcomes()
    table.loc[table["approach"] == "siss", ["fid", "fid_low", "fid_high"]] = 0.0
    (panel,) = outcome_figure(table, QUALITY, FORGETTING).axes
    assert panel.get_xscale() == "linear"


@pytest.mark.parametrize(
    ("quality", "expected"), [("lower", [11.0, 14.0]), ("higher", [14.0, 11.0])]
)
def test_front_is_joined_from_the_best_quality_on(quality: str, expected: list[float]) -> None:
    table = outcomes(seeds=1)
    criterion = Criterion("fid", "lower" if quality == "lower" else "higher")
    (panel,) = outcome_figure(table, criterion, FORGETTING).axes
    (line,) = [line for line in panel.lines if line.get_label() == "front"]
    assert np.asarray(line.get_xdata()).tolist() == expected
    assert line.get_drawstyle() == "steps-post"


def test_one_seed_and_a_broken_model_are_drawn_without_warnings(
    tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    broken = tables(seeds=1) | {("neg_grad", 0): measured(20, np.nan, np.inf)}
    ends = outcomes_of(broken, 0.95, QUALITY, FORGETTING, "pretrained")
    write_svg(outcome_figure(ends, QUALITY, FORGETTING), tmp_path / "outcomes.svg")
    write_svg(curves_figure(curves_of(broken, 0.95), "pretrained"), tmp_path / "curves.svg")
    assert [str(warning.message) for warning in recwarn] == []


def test_retrained_is_a_line_across_and_no_approach() -> None:
    first = curves_figure(curves(), "pretrained", "exact").axes[0]
    assert [13.0, 13.0] in [np.asarray(line.get_ydata()).tolist() for line in first.lines]
    without = curves_figure(curves(), "pretrained")
    assert max(np.max(line.get_xdata(), initial=0) for line in without.axes[0].lines) == 500
    assert max(np.max(line.get_xdata(), initial=0) for line in first.lines) == 20


def test_places_of_steps_that_an_approach_lacks_are_empty() -> None:
    figure = strip_figure(*strips())
    shown = np.array([bool(panel.images) for panel in figure.axes]).reshape(2, 5)
    assert shown.tolist() == [[True, True, False, False, True], [True, True, True, True, False]]
    removed = strips()[0]
    for row in (0, 5):
        np.testing.assert_array_equal(
            np.asarray(figure.axes[row].images[0].get_array())[..., :1], removed
        )


AIMS = {
    "fid": ("lower", False, "lower is better"),
    "inception_score": ("higher", False, "higher is better"),
    "loss of removed images": ("lower", True, "higher: forgotten"),
    "likeness of removed images": ("higher", True, "lower: forgotten"),
    "recorded": (None, False, "which way is better is unknown"),
}


@pytest.mark.parametrize("name", AIMS)
def test_each_panel_says_which_way_is_good(name: str) -> None:
    way, removed, expected = AIMS[name]
    good = aims({name: cast(Better, way)}, [name] if removed else [])
    assert good == {name: expected}
    panel = curves_figure(curves().replace("fid", name), "pretrained", "exact", good).axes[0]
    assert panel.get_ylabel() == expected
