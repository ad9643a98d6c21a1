"""Figures draw from small tables, show what is in them, and repeat to the byte."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.figure import Figure

from diffcredit.attribution.table import SIGNS
from diffcredit.data.images import Images
from diffcredit.evaluation.lds_table import CEILING, SIZE
from diffcredit.registry import Better
from diffcredit.report.attributions import attribution_figure
from diffcredit.report.convergence import convergence_figure
from diffcredit.report.cost import cost_figure
from diffcredit.report.dampings import damping_figure
from diffcredit.report.images import proponent_figure, regenerated_figure
from diffcredit.report.lds import lds_figure
from diffcredit.report.samples import contributor_figure, sample_figure
from diffcredit.report.style import write_svg

BEHAVIORS = ["fid", "entropy"]
BETTER: dict[str, Better] = {"fid": "lower", "entropy": "higher"}


def contributors(count: int = 5) -> pd.DataFrame:
    return pd.DataFrame(
        {"index": range(count), "name": [f"artist {i}" for i in range(count)], "size": 3}
    )


def attribution(count: int = 5, sign: float = 1.0) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "contributor": c,
                "behavior": b,
                "query": q,
                "value": sign * (c + 0.1 * q),
                "credit": SIGNS[BETTER[b]] * sign * (c + 0.1 * q),
                "standard_error": 0.3,
            }
            for b in BEHAVIORS
            for q in range(2)
            for c in range(count)
        ]
    )


def lds(predictors: tuple[str, ...] = ("shapley", SIZE, CEILING)) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "predictor": predictor,
                "behavior": behavior,
                "lds": 0.2 * i,
                "low": 0.2 * i - 0.1,
                "high": 0.2 * i + 0.3,
                "seed_sd": 0.1,
                "coalitions": 16,
                "seeds": 2,
                "average": "values",
            }
            for behavior in BEHAVIORS
            for i, predictor in enumerate(predictors)
        ]
    )


def cost() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "approach": ["sft", "retrain"],
            "distribution": ["shapley", "test"],
            "models": [48, 16],
            "seconds_training": [1.0, 10.0],
            "seconds_sampling": [0.5, 0.5],
            "seconds_scoring": [0.1, 0.2],
        }
    )


def pictures(count: int = 9, channels: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    shape = (count, channels, 4, 4)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)


def images() -> Images:
    pixels = pictures(15).permute(0, 2, 3, 1).numpy()
    return Images(pixels, np.zeros(15, dtype=int), np.arange(15) % 5)


def dampings() -> pd.DataFrame:
    """d_trak explains the second behavior alone."""
    return pd.DataFrame(
        [
            (name, behavior, damping, 0.1, 0.2, damping == 10)
            for name, behaviors in (("trak", BEHAVIORS), ("d_trak", BEHAVIORS[1:]))
            for behavior in behaviors
            for damping in (1.0, 10.0, 100.0)
        ],
        columns=["attribution", "behavior", "damping", "lds_chosen_on", "lds", "chosen"],
    ).assign(seeds=2, average="correlations")


def asked() -> pd.DataFrame:
    return pd.DataFrame(
        {"index": [0, 1, 2], "attribution": ["trak", "trak", "random"], "query": [0, 1, -1]}
    )


def drawn() -> dict[int, torch.Tensor]:
    return {number: pictures().flip(number) for number in range(3)}


FIGURES: dict[str, Callable[[], Figure]] = {
    "attributions": lambda: attribution_figure(
        {"ridge": attribution(), "datamodel": attribution(sign=-1)},
        {"trak": attribution()},
        contributors(),
        BETTER,
    ),
    "cost": lambda: cost_figure(cost()),
    "lds": lambda: lds_figure(lds()),
    "dampings": lambda: damping_figure(dampings()),
    "proponents": lambda: proponent_figure(
        images().pixels[:2], images().pixels, {"trak": np.arange(30.0).reshape(2, 15)}, 2, 1
    ),
    "regenerated": lambda: regenerated_figure(pictures(), asked(), drawn(), queries=2),
    "samples": lambda: sample_figure({"real": pictures(), "model": pictures(3, 3)}, images=9),
    "contributors": lambda: contributor_figure(
        images(), contributors(), attribution(), "fid", "lower", most=2, columns=3
    ),
}

TEXTS = {
    "attributions": [
        *("ridge", "datamodel", "trak", "artist 0", "artist 4"),
        *("credit for fid", "value (lower is better)", "credit for entropy"),
    ],
    "dampings": ["trak", "d_trak", "fid", "entropy", "damping", "LDS"],
    "proponents": ["query", "proponents", "opponents", "trak", "14", "13", "0", "29", "28", "15"],
    "regenerated": ["full model", "without top of trak", "random"],
    "cost": ["sft/shapley (48)", "retrain/test (16)", "training", " 1.6 s", " 10.7 s"],
    "lds": ["shapley", SIZE, "noise ceiling", "fid", "entropy"],
    "samples": ["real", "model"],
    "contributors": [
        *("artist 4  -4.05", "artist 3  -3.05", "artist 1  -1.05", "artist 0  -0.05"),
        *("most to least credit for fid, which is minus the value", "(lower is better)"),
    ],
}


def texts(path: Path) -> list[str]:
    """Matplotlib notes each text beside the outlines of its letters."""
    return re.findall(r"<!-- ?(.*?) -->", path.read_text())


@pytest.mark.slow
@pytest.mark.parametrize("name", FIGURES)
def test_figure_shows_its_table_and_repeats_to_the_byte(tmp_path: Path, name: str) -> None:
    first, again = tmp_path / "first.svg", tmp_path / "again.svg"
    write_svg(FIGURES[name](), first)
    write_svg(FIGURES[name](), again)
    assert first.read_bytes() == again.read_bytes()
    found = [text.strip() for text in texts(first)]
    assert [text for text in TEXTS[name] if text.strip() not in found] == []


def test_attributions_of_many_contributors_show_the_ends() -> None:
    """In the order of the last attribution, who helped most first, whichever way is better."""
    figure = attribution_figure({"ridge": attribution(60)}, {}, contributors(60), BETTER, most=10)
    fid, entropy = ([t.get_text() for t in axes.get_xticklabels()] for axes in figure.axes[:2])
    ends = [f"artist {i}" for i in (59, 58, 57, 56, 55, 4, 3, 2, 1, 0)]
    assert entropy == ends
    assert fid == ends[::-1]


def test_an_attribution_has_one_color_in_all_panels_of_dampings() -> None:
    both, second = damping_figure(dampings()).axes[:2]
    colors = [{line.get_color() for line in panel.lines[:3]} for panel in (both, second)]
    assert len(colors[0]) == 1
    assert colors[0] <= {line.get_color() for line in second.lines[:3]}


def test_scores_are_shown_standardized_below_values() -> None:
    scores = attribution(60).assign(
        value=lambda table: 1e6 * table["value"], credit=lambda table: 1e6 * table["credit"]
    )
    figure = attribution_figure(
        {"ridge": attribution(60)}, {"trak": scores}, contributors(60), BETTER
    )
    assert [axes.get_ylabel() for axes in figure.axes] == [
        *(f"credit for {b}" for b in BEHAVIORS),
        *(f"credit for {b} (sd)" for b in BEHAVIORS),
    ]
    shown = figure.axes[2].containers[0].lines[0].get_ydata()
    assert 1 < np.abs(np.asarray(shown, dtype=float)).max() < 2


def test_attributions_show_the_means_over_queries_with_their_intervals() -> None:
    figure = attribution_figure({"ridge": attribution()}, {}, contributors(), BETTER)
    for axes, sign in zip(figure.axes[:2], (-1, 1), strict=True):
        shown = np.asarray(axes.containers[0].lines[0].get_ydata(), dtype=float)
        expected = sorted([sign * (c + 0.05) for c in range(5)], reverse=True)
        np.testing.assert_allclose(shown, expected)
    (bars,) = figure.axes[0].containers[0].lines[2]
    lengths = [segment[1, 1] - segment[0, 1] for segment in bars.get_segments()]
    np.testing.assert_allclose(lengths, 2 * 1.96 * 0.3)


@pytest.mark.parametrize(
    ("average", "seeds", "title"),
    [
        ("correlations", 2, "LDS: mean of the correlations with each training seed"),
        ("correlations", 3, "LDS: mean of the correlations with each training seed"),
        ("values", 2, "LDS: correlation with the mean over the training seeds"),
        ("values", 5, "LDS: correlation with the mean over the training seeds"),
        ("values", 1, ""),
        ("correlations", 1, ""),
    ],
)
def test_lds_says_what_is_averaged(
    settling: pd.DataFrame, average: str, seeds: int, title: str
) -> None:
    table = lds().assign(average=average, seeds=seeds)
    assert lds_figure(table).get_suptitle() == title
    grid = dampings().assign(average=average, seeds=seeds)
    assert damping_figure(grid).get_suptitle() == title
    assert convergence_figure(settling, table).get_suptitle() == title


def test_lds_is_drawn_without_a_ceiling_and_where_a_predictor_has_no_score(
    tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    table = lds(("shapley", SIZE))
    table.loc[table["predictor"] == SIZE, ["lds", "low", "high"]] = np.nan
    write_svg(lds_figure(table), tmp_path / "lds.svg")
    assert "noise ceiling" not in texts(tmp_path / "lds.svg")
    assert SIZE in texts(tmp_path / "lds.svg")
    assert [str(warning.message) for warning in recwarn] == []


def test_contributor_figure_shows_nobody_twice() -> None:
    figure = contributor_figure(images(), contributors(), attribution(), "fid", "lower", most=6)
    names = [panel.get_ylabel().split("  ")[0] for panel in figure.axes]
    assert names == [f"artist {i}" for i in (0, 1, 2, 3, 4)]


def test_broken_figure_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "figure.svg"
    path.write_text("old")
    figure = Figure()
    figure.subplots().set_title("$unclosed {$", parse_math=True)
    with pytest.raises(ValueError, match="unclosed"):
        write_svg(figure, path)
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["figure.svg"]


@pytest.fixture
def settling() -> pd.DataFrame:
    rows = [
        (f"{approach}_{estimator}", approach, estimator, behavior, seconds, 0.1, 0.5)
        for approach in ("sft", "ft", "lora")
        for estimator in ("ridge", "lasso")
        for behavior in ("fid", "entropy")
        for seconds in (10.0, 20.0)
    ]
    names = ["attribution", "approach", "estimator", "behavior", "seconds", "lds", "correlation"]
    return pd.DataFrame(rows, columns=names)


CEILINGS = lds()[:0]


def test_approaches_have_panels_and_estimators_have_colors(settling: pd.DataFrame) -> None:
    figure = convergence_figure(settling, CEILINGS)
    titles = [panel.get_title() for panel in figure.axes if panel.get_title()]
    assert titles[:3] == ["fid, sft", "fid, ft", "fid, lora"]
    assert len(titles) == 6
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["ridge", "lasso"]


def test_attributions_of_one_approach_are_called_by_their_names(settling: pd.DataFrame) -> None:
    figure = convergence_figure(settling[settling["approach"] == "sft"], CEILINGS)
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["sft_ridge", "sft_lasso"]
