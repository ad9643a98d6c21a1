"""What a run says when it has ended."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from diffcredit import disk
from diffcredit.files import write_text
from diffcredit.logs import warned


class Warnings(list[str]):
    """The warnings of all jobs whose results were requested, also of those that ran earlier.

    They are collected when they are looked at, as by the report, and are nothing to a job.

    Args:
        workflow: of Snakemake; its jobs are known once it has started.
    """

    def __init__(self, workflow: Any):
        super().__init__()
        self._workflow = workflow

    def __iter__(self) -> Any:
        jobs = [] if self._workflow.dag is None else self._workflow.dag.jobs
        logs = {str(log) for job in jobs for log in job.log}
        return iter(warned(sorted(logs)))

    def __reduce__(self) -> Any:
        return list, ()


def all_lines(
    run: str,
    jobs: Iterable[Any],
    report: str,
    found: Iterable[str],
    written: Mapping[str, bytes],
) -> list[str]:
    """All that a run says when it has ended, see the functions below.

    Args:
        run: folder of the results.
        jobs: of Snakemake.
        report: the command that makes one HTML file of the results.
        found: the warnings of all jobs.
        written: content of each file of the configuration when the run was started, by its path.
    """
    listed = list(jobs)
    requested = {str(path) for job in listed for path in job.output}
    complete = any(job.rule.name == "all" for job in listed)
    return [
        *results(run, requested, report),
        *warnings([*found], run, complete),
        *edits(written),
        *space(run),
    ]


def results(run: str, requested: Collection[str], report: str) -> list[str]:
    """Where the results are, and the tables that were requested.

    Args:
        run: folder of the results.
        requested: paths of the outputs of all jobs.
        report: the command that makes one HTML file of them.
    """
    lines = _reached(Path(run))
    summaries = [f"{run}/evaluation/{name}.txt" for name in ("lds", "outcomes")]
    tables = [
        Path(s).read_text() or f"{s} is empty: delete it and run the same command again"
        for s in summaries
        if s in requested and Path(s).exists()
    ]
    if not tables:
        return lines
    places = f"Tables: {run}/evaluation/  Figures: {run}/figures/"
    return [*lines, "", *tables, places, f"One HTML file: {report}"]


def _reached(run: Path) -> list[str]:
    """The last check of each distribution whose coalitions are added until they are enough."""
    checks = [json.loads(path.read_text()) for path in run.glob("coalitions/*/enough-*.json")]
    last = {check["distribution"]: check for check in sorted(checks, key=lambda c: c["shards"])}
    return [
        line
        for name, found in last.items()
        for line in (
            "",
            f"{name}: {found['coalitions']} coalitions, "
            f"{'enough' if found['enough'] else 'the budget, not enough'} "
            f"(standard error {found['standard_error']}, stability {found['stability']})",
        )
    ]


def warnings(found: Sequence[str], run: str, complete: bool) -> list[str]:
    """The warnings of a run; where everything was requested, they are written to a file, too."""
    text = "\n".join(f"- {warning}" for warning in found) or "none"
    if complete:
        write_text(f"{text}\n", f"{run}/evaluation/warnings.txt")
    return ["", f"Warnings ({len(found)}):", text] if found else []


def edits(written: Mapping[str, bytes]) -> list[str]:
    """Which files of the configuration have been edited since the run was started.

    Args:
        written: content of each file when the run was started, by its path.
    """
    edited = [
        path
        for path, content in written.items()
        if not Path(path).exists() or Path(path).read_bytes() != content
    ]
    if not edited:
        return []
    return [
        "",
        f"{', '.join(edited)}: edited since this run was started, whose results are by what was "
        "there then. Run the same command again to make what the edit concerns.",
    ]


def space(run: str) -> list[str]:
    """How much disk space the results take."""
    return ["", f"Disk: {disk.told(disk.by_stage(Path(run)))}"]
