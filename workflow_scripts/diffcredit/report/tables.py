"""Result tables as one page of HTML, for the report."""

import html
from collections.abc import Callable

import numpy as np
import pandas as pd

from diffcredit.evaluation.unlearning import Criterion
from diffcredit.text import markdown, shown

STYLE = """
<style>
body { font-family: system-ui, sans-serif; font-size: 14px; margin: 1.5em; }
table { border-collapse: collapse; margin: 0.5em 0 2em; }
th, td { padding: 0.25em 0.8em; text-align: right; border-bottom: 1px solid #ddd; }
td { overflow-wrap: anywhere; unicode-bidi: isolate; }
th { background: #f4f4f4; } td:first-child, th:first-child { text-align: left; }
</style>
"""


def page(title: str, tables: dict[str, pd.DataFrame]) -> str:
    """A page with a heading above each table."""
    parts = [f"<!doctype html><meta charset='utf-8'><title>{html.escape(title)}</title>", STYLE]
    for heading, table in tables.items():
        parts.append(f"<h3>{html.escape(heading)}</h3>")
        # pandas truncates long cells.
        with pd.option_context("display.max_colwidth", None):
            cells = _literal(table)
            parts.append(cells.to_html(index=False, border=0, float_format=_number, na_rep=""))
    return "\n".join(parts)


def _literal(table: pd.DataFrame) -> pd.DataFrame:
    """The table with escaped texts, also in column names."""
    cells = table.rename(columns=shown)
    return cells.map(lambda cell: shown(cell) if isinstance(cell, str) else cell)


def _number(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 100 else f"{value:,.0f}"


def _with_interval(found: np.ndarray, number: Callable[[float], str]) -> str:
    """Value [low, high]; only the value without an interval, "-" without a value."""
    value, low, high = found
    if np.isnan(value):
        return "-"
    return number(value) + ("" if np.isnan(low) else f" [{number(low)}, {number(high)}]")


def lds_cells(table: pd.DataFrame) -> pd.DataFrame:
    """Predictors as rows, behaviors as columns: "LDS [low, high]", or "-"."""
    scores = table[["lds", "low", "high"]].to_numpy()
    cells = table.assign(cell=[_with_interval(score, "{:.2f}".format) for score in scores])
    order = list(dict.fromkeys(table["predictor"]))
    behaviors = list(dict.fromkeys(table["behavior"]))
    wide = cells.pivot(index="predictor", columns="behavior", values="cell").loc[order, behaviors]
    wide = wide.fillna("-")
    wide.columns.name = None
    return wide.reset_index()


def query_cells(table: pd.DataFrame) -> pd.DataFrame:
    """`lds_cells` of behaviors with several queries, with intervals over queries."""
    part = table[table["query_low"].notna()]
    return lds_cells(part.assign(low=part["query_low"], high=part["query_high"]))


def seed_cells(table: pd.DataFrame) -> pd.DataFrame:
    """`lds_cells` of behaviors with several training seeds, with intervals over seeds."""
    part = table[table["seed_low"].notna()]
    return lds_cells(part.assign(low=part["seed_low"], high=part["seed_high"]))


#: Description of each `evaluation.lds.average`.
AVERAGED = {
    "correlations": "mean of the correlations with each training seed",
    "values": "correlation with the mean over the training seeds",
}


def averaged(table: pd.DataFrame) -> str:
    """Description of the average over training seeds; empty for a single seed."""
    several = table[table["seeds"] > 1]
    return "" if several.empty else AVERAGED[several["average"].iloc[0]]


def equal_compute_cells(table: pd.DataFrame) -> pd.DataFrame:
    """Attributions as rows: number of models, seconds, and the LDS for each behavior."""
    spent = table.drop_duplicates("attribution")[["attribution", "models", "seconds"]]
    scores = lds_cells(table.rename(columns={"attribution": "predictor"}))
    return spent.merge(scores.rename(columns={"predictor": "attribution"}), on="attribution")


def lds_text(table: pd.DataFrame, confidence: float) -> str:
    """The LDS table for the terminal, with a heading."""
    coalitions, seeds = table["coalitions"].iloc[0], table["seeds"].iloc[0]
    how = f" ({averaged(table)})" if averaged(table) else ""
    title = (
        f"LDS on {coalitions} retrained coalitions x {seeds} training seeds{how}, "
        f"with {confidence:.0%} intervals over coalitions"
    )
    return f"{title}\n\n{_literal(lds_cells(table)).to_string(index=False)}\n"


def outcome_text(outcomes: pd.DataFrame, quality: Criterion, forgetting: Criterion) -> str:
    """The table of `evaluation.unlearning.outcomes` as Markdown.

    A table with columns approach, steps, seconds, each behavior as "mean [low, high]", and front;
    then the better directions, and whether each approach has forgotten.
    """
    told = [
        f"- {markdown(row.approach)}: {markdown(row.explanation)}"
        for row in outcomes.itertuples()
        if row.explanation
    ]
    ways = [f"{markdown(c.behavior)}: {c.better} is better" for c in (quality, forgetting)]
    about = f"Quality is {ways[0]}. Forgetting is {ways[1]}."
    return "\n".join([_markdown(_outcome_cells(outcomes)), about, "", *told, ""])


def _outcome_cells(outcomes: pd.DataFrame) -> pd.DataFrame:
    behaviors = [name for name in outcomes if f"{name}_low" in outcomes]
    cells = pd.DataFrame({"approach": outcomes["approach"].map(markdown)})
    for column in ("steps", "seconds"):
        cells[column] = outcomes[column].map(_three_digits)
    for behavior in behaviors:
        found = outcomes[[behavior, f"{behavior}_low", f"{behavior}_high"]].to_numpy(float)
        cells[markdown(behavior)] = [_with_interval(row, _three_digits) for row in found]
    cells["front"] = outcomes["front"].map({True: "yes", False: ""})
    return cells


def _three_digits(value: float) -> str:
    """Format with 3 significant digits, because behaviors have different units."""
    return f"{value:.3g}" if abs(value) < 999.5 else f"{value:,.0f}"


def _markdown(cells: pd.DataFrame) -> str:
    """A table of texts."""
    rows = [list(cells.columns), ["---"] * cells.shape[1], *cells.to_numpy().tolist()]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def model_sizes(facts: dict[str, float]) -> pd.DataFrame:
    """Parameters and multiply-adds of the full and the pruned model, and the fraction removed."""
    columns = {"parameters": "parameters", "multiply-adds": "multiply_adds"}
    found: dict[str, list[float | str | None]] = {"model": ["full", "pruned"]}
    for title, key in columns.items():
        sizes = [facts[f"{key}_{when}"] for when in ("before", "after")]
        found[title] = [*sizes]
        found[f"{title} removed"] = [None, f"{1 - sizes[1] / sizes[0]:.1%}"]
    return pd.DataFrame(found)
