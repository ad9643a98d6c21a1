"""What is said of targets that are not made, and the command that writes the report."""

import shlex
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path

import pytest

from diffcredit.errors import UserError
from diffcredit.targets import beyond, check_report, files, report_command, unknown_targets

RULES = ["all", "models", "behaviors", "attributions"]
UNKNOWN = {
    "unlearning": "needs the section unlearning",
    "unlearnin": "did you mean unlearning? It needs the section unlearning",
    "figures": "needs the section attributions",
    "modles": "did you mean models?",
    "behavior": "did you mean behaviors?",
    "qqqq": "must be a file below results/digits or one of: all, attributions",
    "results/tiny/data/train.parquet": "the experiment is digits",
    "results/digits/attributions/gone.parquet": "no such file is made",
}


def test_files_are_what_is_neither_a_rule_nor_there(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.touch()
    arguments = Namespace(
        targets=["all", str(there), "results/a"], until=["qqqq"], omit_from=None, forcerun=set()
    )
    assert files(arguments, RULES.__contains__) == ["results/a", "qqqq"]


def no_counts(numbers: Mapping[str, str]) -> dict[str, int]:
    return {}


@pytest.mark.parametrize("target", UNKNOWN)
def test_unknown_target(target: str) -> None:
    told = str(unknown_targets({target: None}, no_counts, RULES, "results/digits"))
    assert told.count(f"  {target}: ") == 1
    assert UNKNOWN[target] in told


BEYOND: dict[str, tuple[dict[str, str], dict[str, int], str]] = {
    "last shard": ({"shard": "3"}, {"shard": 4}, ""),
    "shard after the last": ({"shard": "4"}, {"shard": 4}, "no shard 4; must be 0 to 3"),
    "only shard": ({"shard": "99"}, {"shard": 1}, "no shard 99; 0 is the only one"),
    "training seed": (
        {"shard": "0", "training_seed": "2"},
        {"shard": 1, "training_seed": 2},
        "no training seed 2",
    ),
    "both in range": ({"shard": "0", "training_seed": "1"}, {"shard": 1, "training_seed": 2}, ""),
    "no numbers in the path": ({"distribution": "full"}, {"shard": 4}, ""),
    "zeros in front": ({"shard": "0004"}, {"shard": 4}, "no shard 0004"),
}


@pytest.mark.parametrize("case", BEYOND)
def test_numbers_beyond_the_count(case: str) -> None:
    numbers, counts, expected = BEYOND[case]
    reason = beyond(numbers, counts)
    assert bool(reason) == bool(expected)
    assert expected in reason
    made = {"a": numbers, "b": None}
    told = str(unknown_targets(made, lambda _: counts, RULES, "results/digits"))
    assert (f"  a: {reason}" in told) == bool(reason)
    assert "  b: must be a file" in told


def test_targets_that_are_all_made() -> None:
    assert (
        unknown_targets({"a": {"shard": "0"}}, lambda _: {"shard": 1}, RULES, "results/d") is None
    )


REPORTS = {
    "overlay": ["--configfile", "a b.yaml"],
    "report": ["--configfile", "a b.yaml", "--report", "x.html"],
    "report, default name": ["--report", "--configfile", "a b.yaml"],
    "after run": ["--report=x.html", "--report-after-run", "--configfile", "a b.yaml"],
    "forced": ["-F", "--configfile", "a b.yaml"],
}


@pytest.mark.parametrize("given", REPORTS)
def test_report_command(given: str) -> None:
    command = report_command(["my clone/snakemake"], REPORTS[given], "results/tiny")
    assert shlex.split(command) == [
        *["my clone/snakemake", "--configfile", "a b.yaml"],
        *["--report", "results/tiny/report.html"],
    ]


@pytest.mark.parametrize("option", [["--report"], ["--report="]])
def test_report_of_another_experiment(option: list[str]) -> None:
    path = "results/digits/report.html"
    given = [option[0] + path] if option[0].endswith("=") else [*option, path]
    with pytest.raises(UserError, match="another experiment"):
        check_report(given, "results/tiny")
    for fine in (path.replace("digits", "tiny"), "report.html", "results/all.html"):
        check_report(["--report", fine], "results/tiny")
