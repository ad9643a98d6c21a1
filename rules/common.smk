"""What all rules share: the checked configuration, paths, and what each stage depends on."""

import json
import logging
import os
import sys
import time
from pathlib import Path

from snakemake.cli import get_argument_parser

from diffcredit import announcements, contents, processes, targets, terminal
from diffcredit.announcements import Warnings
from diffcredit.config import Config, query_folders
from diffcredit.config.unlearning import PRETRAINED, UNLEARNING
from diffcredit.errors import UserError
from diffcredit.plan import VERSIONS, Code, Plan, Submission, UserFiles, submission
from diffcredit.plan.inputs import NOTHING, Inputs, shard_of, snapshot_of

processes.keep_freed_memory()
PROGRAM = processes.program(processes.quote_python(), sys.argv)

try:
    # Jobs take what the run was started with, whatever the files of the configuration say by now.
    SUBMITTED = None if workflow.is_main_process else submission.submitted()
    if SUBMITTED:
        CONFIG = Config.model_validate(SUBMITTED.config)
    else:
        CONFIG = checked_configuration(config)
except UserError as error:
    sys.exit(f"{error}")

config.clear()
config.update(CONFIG.model_dump())

RUN = f"results/{CONFIG.experiment}"

# Jobs parse the rules, too: arguments that count are those of the command that a user gave.
try:
    targets.check_report(sys.argv[1:], RUN)
except UserError as error:
    sys.exit(f"{error}")

STARTED = time.time()

# Jobs need not look again.
if workflow.is_main_process:
    if UNFIT := query_folders.problems(CONFIG, Path(), contents.CACHES):
        sys.exit("\n".join(["The configuration cannot be used:", *UNFIT]))

PLAN = Plan(
    CONFIG,
    UserFiles(CONFIG, Path(), contents.CACHES, SUBMITTED and SUBMITTED.files),
    Code(SUBMITTED and SUBMITTED.code),
    RUN,
)
COUNTS, ATTRIBUTIONS, EVALUATIONS = PLAN.counts, PLAN.attributions, PLAN.evaluation

# Every approach/distribution whose models are made.
MADE = COUNTS.made

# Models that unlearn, with those that they are compared with.
UNLEARNED, FORGETTING = CONFIG.unlearning, COUNTS.unlearned

COUNTERFACTUAL, REGENERATED = CONFIG.evaluation.counterfactual, CONFIG.evaluation.regenerated


wildcard_constraints:
    # An approach is followed by the coalitions that it makes, so that others are no targets.
    approach="|".join(
        rf"{approach}(?=/{distribution}\b)"
        for approach, distribution in (
            Path(made).parts for made in [*MADE, *[f"{a}/{UNLEARNING}" for a in FORGETTING]]
        )
    ),
    distribution="|".join([*CONFIG.coalitions, *COUNTS.requested, UNLEARNING]),
    attribution="|".join(CONFIG.attributed),
    gradients="|".join(CONFIG.gradients),
    score="|".join(CONFIG.score_attributions),
    number=r"\d+",
    snapshot=r"\d+",
    table="|".join(CONFIG.records.tables if CONFIG.records else []),
    training_seed=r"\d+",
    shard=r"\d+",


GPU = 0 if CONFIG.execution.device == "cpu" else 1


def keep(flag, path):
    """A path that is deleted once it is no longer needed, unless the flag says to keep it."""
    return path if flag else temp(path)


def snapshots(number):
    """Where a training of the full model leaves its snapshots, if it does."""
    if CONFIG.full.snapshots == 1:
        return []
    return directory(f"{RUN}/models/snapshots/{number}")


def enough(distribution, count):
    """Whether the first shards of coalitions of a distribution are enough; waits for the check."""
    found = checkpoints.enough.get(distribution=distribution, shards=count).output.reached
    return json.loads(Path(found).read_text())["enough"]


INPUTS = Inputs(PLAN, enough)


def check_targets():
    """Stop where a target, or what --until and the like name, is nothing that is made."""
    if not workflow.is_main_process or "snakemake" not in sys.argv[0]:
        return
    # Snakemake itself knows them only once the rules are read.
    files = targets.files(get_argument_parser().parse_args(sys.argv[1:]), workflow.is_rule)
    makers = {name: makes(os.path.relpath(name)) for name in files}
    rules = [rule.name for rule in workflow.rules if not rule.has_wildcards()]
    if unknown := targets.unknown_targets(makers, COUNTS.of_path, rules, RUN):
        sys.exit(f"{unknown}")


def makes(path):
    """The wildcards of the rule that makes a file; None where no rule does."""
    found = (rule.get_wildcards(path) for rule in workflow.rules if rule.is_producer(path))
    return next(found, None)


WATCH = terminal.Watch(lambda: None if workflow.dryrun else announce(), terminal.ignore_interrupts)
terminal.follow(
    logging.getLogger("snakemake.logging"), WATCH, [*PROGRAM, *sys.argv[1:], "--unlock"]
)


def submit():
    """Leave what this run was started with for its jobs."""
    submission.submit(
        Submission(CONFIG.model_dump(), PLAN.files.known, PLAN.code.known, VERSIONS),
        contents.CACHES,
    )


def announce_failures():
    """Tell what stopped a run, below all that its jobs said."""
    print(f"\n{WATCH.summary(STARTED)}", file=sys.stderr)


# The page that the report opens with shows them (captions/run.rst).
config["warnings"] = Warnings(workflow)


def announce():
    """Tell where the results are, with the requested tables, and what to know about them."""
    command = targets.report_command(PROGRAM, sys.argv[1:], RUN)
    jobs = workflow.dag.jobs
    print(*announcements.all_lines(RUN, jobs, command, config["warnings"], WRITTEN), sep="\n")
