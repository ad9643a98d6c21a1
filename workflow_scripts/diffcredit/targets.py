"""Targets and commands of a run: what is wrong with a target, and how the report is asked for."""

import difflib
import shlex
from argparse import Namespace
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from diffcredit.errors import UserError

#: Targets that are there only with a section of the configuration.
SECTIONS = {
    "unlearning": "unlearning",
    "figures": "attributions",
    "evaluation": "attributions",
}
#: Options of Snakemake that the command for the report leaves out.
_WITHOUT = {"--report-after-run", "-F", "--forceall", "-f", "--force"}


def files(arguments: Namespace, is_rule: Callable[[str], bool]) -> list[str]:
    """What a command line names that is neither a rule nor a file that there is.

    Args:
        arguments: of Snakemake.
        is_rule: whether a rule has this name.
    """
    named = (arguments.targets, arguments.until, arguments.omit_from, arguments.forcerun)
    return [
        name
        for names in named
        for name in names or ()
        if not is_rule(name) and not Path(name).exists()
    ]


def beyond(numbers: Mapping[str, str], counts: Mapping[str, int]) -> str:
    """Why a file is not made whose path names more than there is; "" where it does not.

    Args:
        numbers: what its path says, such as {"shard": "9"}.
        counts: how many there are of each, numbered from 0.
    """
    for name, count in counts.items():
        if int(numbers.get(name, 0)) >= count:
            accepted = "0 is the only one" if count == 1 else f"must be 0 to {count - 1}"
            return f"there is no {name.replace('_', ' ')} {numbers[name]}; {accepted}"
    return ""


def unknown_targets(
    makers: Mapping[str, Mapping[str, str] | None],
    counts: Callable[[Mapping[str, str]], Mapping[str, int]],
    rules: Iterable[str],
    run: str,
) -> UserError | None:
    """What to say of targets that this configuration does not make; None where it makes all.

    Args:
        makers: by the name of a target the wildcards of the rule that makes it; None where none
            does.
        counts: how many there are of each wildcard, see `beyond`.
        rules: names of the rules that can be targets.
        run: folder of the experiment, such as results/digits.
    """
    known = sorted(set(rules))
    reasons = {
        name: _reason(name, known, run) if numbers is None else beyond(numbers, counts(numbers))
        for name, numbers in makers.items()
    }
    lines = [f"  {name}: {reason}" for name, reason in reasons.items() if reason]
    if not lines:
        return None
    return UserError("\n".join(["Targets that this configuration does not make:", *lines]))


def _reason(name: str, rules: list[str], run: str) -> str:
    if name in SECTIONS and name not in rules:
        return f"needs the section {SECTIONS[name]} in the configuration"
    parts = Path(name).parts
    if len(parts) > 1 and parts[0] == "results" and str(Path(*parts[:2])) != run:
        return f"the experiment is {Path(run).name}\n    Hint: give the --configfile of {parts[1]}"
    if len(parts) > 1:
        return f"no such file is made\n    Hint: see results/README.md for those below {run}"
    close = difflib.get_close_matches(name, [*rules, *SECTIONS], n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    if close and close[0] not in rules:
        hint += f" It needs the section {SECTIONS[close[0]]} in the configuration"
    return f"must be a file below {run} or one of: {', '.join(rules)}{hint}"


def check_report(arguments: list[str], run: str) -> None:
    """Raise `UserError` where --report would be written into another experiment's folder."""
    path = _report_path(arguments)
    if path is None:
        return
    results = Path(run).parent.resolve()
    place = Path(path).resolve()
    if place.is_relative_to(results) and not place.is_relative_to(Path(run).resolve()):
        if place.parent == results:
            return
        raise UserError(
            f"--report {path}: lies in the folder of another experiment\n"
            f"    Hint: --report {shlex.quote(f'{run}/report.html')}"
        )


def report_command(program: list[str], arguments: list[str], run: str) -> str:
    """The command line of a run, quoted for a shell, changed to write the report."""
    kept, skip = [], False
    for number, argument in enumerate(arguments):
        if skip:
            skip = False
        elif argument == "--report":
            following = arguments[number + 1 : number + 2]
            skip = bool(following) and not following[0].startswith("-")
        elif argument not in _WITHOUT and not argument.startswith("--report="):
            kept.append(argument)
    return shlex.join([*program, *kept, "--report", f"{run}/report.html"])


def _report_path(arguments: list[str]) -> str | None:
    for number, argument in enumerate(arguments):
        if argument.startswith("--report="):
            return argument.removeprefix("--report=")
        if argument == "--report" and number + 1 < len(arguments):
            following = arguments[number + 1]
            return None if following.startswith("-") else following
    return None
