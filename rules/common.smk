"""What all rules share: the checked configuration, paths, and what each stage depends on."""

import json
import logging
import os
import shlex
import sys
import time
from pathlib import Path

from snakemake.cli import get_argument_parser

from diffcredit import contents, disk, targets, terminal
from diffcredit.config import Config, query_folders
from diffcredit.config.unlearning import PRETRAINED, UNLEARNING
from diffcredit.errors import UserError
from diffcredit.files import write_text
from diffcredit.logs import warned
from diffcredit.plan import VERSIONS, Code, Plan, Submission, UserFiles, submission
from diffcredit.registry import SCORES

# Jobs keep the memory of tensors that they free: given back, which is what glibc does with large
# ones, every page of it is faulted in again at the next step, and training on 32x32 pixels takes
# half as long again on CPU. Read when a process starts; other systems do not know the names.
if not {"MALLOC_MMAP_MAX_", "MALLOC_TRIM_THRESHOLD_"} & os.environ.keys():
    os.environ |= {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**40)}

# Snakemake puts the path of Python into shell commands as it is: quoted
# once, spaces and other signs in it do no harm.
PYTHON = sys.executable
if Path(sys.executable).exists():
    sys.executable = shlex.quote(sys.executable)

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

# Coalitions that are added until they are enough.
ADAPTIVE = [name for name, entry in CONFIG.coalitions.items() if getattr(entry, "until", None)]

# Matches no name.
NOTHING = "(?!)"


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
    table="|".join(CONFIG.records.tables if CONFIG.records else []),
    replicate=r"\d+",
    shard=r"\d+",


GPU = 0 if CONFIG.execution.device == "cpu" else 1


def keep(flag, path):
    """A path that is deleted once it is no longer needed, unless the flag says to keep it."""
    return path if flag else temp(path)


def query_images(wildcards):
    """What the query images of a behavior are."""
    return CONFIG.behaviors[wildcards.behavior].query_images


def shard_of(wildcards):
    """Approach, distribution, number of the training seed and of the shard."""
    numbers = int(wildcards.replicate), int(wildcards.shard)
    return wildcards.approach, wildcards.distribution, *numbers


def shard_count(distribution, approach=None):
    """Shards that the coalitions of a distribution, or an approach's models of them, fall into."""
    most = COUNTS.shards(distribution, approach)
    if distribution not in ADAPTIVE:
        return most
    for count in range(1, most):
        found = checkpoints.enough.get(distribution=distribution, shards=count).output.reached
        if json.loads(Path(found).read_text())["enough"]:
            return count
    return most


def until(wildcards):
    """What is asked of the coalitions of a distribution."""
    return CONFIG.coalitions[wildcards.distribution].until


def first_coalition_tables(wildcards):
    """The coalitions of the first shards."""
    folder = f"{RUN}/coalitions/{wildcards.distribution}"
    return [f"{folder}/{shard}.parquet" for shard in range(int(wildcards.shards))]


def first_shard_tables(wildcards):
    """The behaviors of the first shards, for the attribution that says whether they are enough."""
    values = CONFIG.removal_attributions[until(wildcards).attribution].values
    approach, distribution = values.split("/")
    seeds = CONFIG.approaches[approach].coalitions[distribution]
    names = [f"{seed}-{shard}" for seed in range(seeds) for shard in range(int(wildcards.shards))]
    return measured_tables(approach, distribution, names)


def reached_files(wildcards):
    """What each distribution that grows until it is enough has come to."""
    folder = f"{RUN}/coalitions"
    return [f"{folder}/{name}/enough-{shard_count(name)}.json" for name in ADAPTIVE]


def coalition_tables(wildcards):
    """The coalitions of all shards of a distribution."""
    folder = f"{RUN}/coalitions/{wildcards.distribution}"
    return [f"{folder}/{shard}.parquet" for shard in range(shard_count(wildcards.distribution))]


def shards(approach, distribution):
    """Names replicate-shard of all shards of an approach's coalitions."""
    seeds = COUNTS.seeds(approach, distribution)
    count = shard_count(distribution, approach)
    return [f"{replicate}-{shard}" for replicate in range(seeds) for shard in range(count)]


def snapshots(number):
    """Where a training of the full model leaves its snapshots, if it does."""
    if CONFIG.full.snapshots == 1:
        return []
    return directory(f"{RUN}/models/snapshots/{number}")


def is_snapshot(name):
    """Whether the model of a name number-snapshot is one on the way, not at the end."""
    return int(name.split("-")[1]) < CONFIG.full.snapshots


def model_folder(name):
    """Where the model of a name number-snapshot is."""
    number, snapshot = name.split("-")
    if is_snapshot(name):
        return f"{RUN}/models/snapshots/{number}/{snapshot}"
    return f"{RUN}/models/full" if number == "0" else f"{RUN}/models/ensemble/{number}"


def made_model(name):
    """The folder that a rule made, in which the model of a name number-snapshot is."""
    folder = model_folder(name)
    return str(Path(folder).parent) if is_snapshot(name) else folder


def score_models(wildcards):
    """Names number-snapshot of the models that a score is made of."""
    return ATTRIBUTIONS.gradient_models(CONFIG.score_attributions[wildcards.score].gradients)


def query_tables(score):
    """The query images of a score."""
    return [f"{RUN}/queries/{behavior}.parquet" for behavior in ATTRIBUTIONS.query_behaviors(score)]


def gradient_features(wildcards):
    """The features that a score is made of: of training images and queries, of all models."""
    folder = f"{RUN}/gradients/{CONFIG.score_attributions[wildcards.score].gradients}"
    parts = ATTRIBUTIONS.gradient_parts(wildcards.score)
    models = score_models(wildcards)
    return [f"{folder}/{model}/{kind}/{part}" for model in models for kind, part in parts]


def scores_of(*kinds):
    """A pattern of the scores that are made of gradients, features, pixels or the model."""
    found = [
        name
        for name, e in CONFIG.score_attributions.items()
        if SCORES[e.method.name].made_of in kinds
    ]
    return "|".join(found) or NOTHING


def shard_coalitions(wildcards):
    """The tables of coalitions that a shard of models is made from."""
    approach, distribution, _, shard = shard_of(wildcards)
    tables = COUNTS.tables(distribution, shard, approach)
    return [f"{RUN}/coalitions/{distribution}/{table}.parquet" for table in tables]


def start_model(wildcards):
    """The model that an approach starts from; none for scratch."""
    start = CONFIG.approaches[wildcards.approach].start
    return [] if start == "scratch" else f"{RUN}/models/{start}"


def own_classifier(extractors):
    """The classifier of this run, where it is among the extractors."""
    return f"{RUN}/models/classifier" if PLAN.uses_classifier(extractors) else []


def score_extractor(wildcards):
    """The extractor of a score, as a list; empty for one that sees pixels."""
    name = CONFIG.score_attributions[wildcards.score].extractor
    return [name] if name else []


def measured_tables(approach, distribution, names):
    """The behaviors of shards, measured on images and on models."""
    measured = {"behaviors": PLAN.sampled, "losses": PLAN.modeled}
    stages = [name for name, behaviors in measured.items() if behaviors]
    return [
        f"{RUN}/{stage}/{approach}/{distribution}/{name}.parquet"
        for stage in stages
        for name in names
    ]


def shard_tables(wildcards):
    """The behaviors of all shards of an approach's coalitions."""
    names = shards(wildcards.approach, wildcards.distribution)
    return measured_tables(wildcards.approach, wildcards.distribution, names)


def fitted_tables(wildcards):
    """The behaviors that an attribution is fitted on, in the order of its references."""
    references = CONFIG.removal_attributions[wildcards.attribution].references
    return [f"{RUN}/behaviors/{reference}.parquet" for reference in references.values()]


def other_tables(wildcards):
    """What an attribution is fitted on besides the coalitions that are added until enough."""
    references = CONFIG.removal_attributions[until(wildcards).attribution].references
    return [
        f"{RUN}/behaviors/{reference}.parquet"
        for role, reference in references.items()
        if role != "values"
    ]


def requested_tables(distribution):
    """The coalitions that attributions ask for, a table for each and one of random removals."""
    folder = f"{RUN}/coalitions/{distribution}"
    return [f"{folder}/{shard}.parquet" for shard in range(shard_count(distribution))]


def requested_by(distribution, shard):
    """The attribution that asks for a shard of coalitions; none for random removals."""
    attribution = COUNTS.requested_by(distribution, int(shard))
    return f"{RUN}/attributions/{attribution}.parquet" if attribution else []


def program():
    """How this Snakemake was started."""
    by_module = sys.argv[0].endswith("__main__.py")
    return [PYTHON, "-m", "snakemake"] if by_module else [sys.argv[0]]


def check_targets():
    """Stop where a target, or what --until and the like name, is nothing that is made."""
    if not workflow.is_main_process or "snakemake" not in sys.argv[0]:
        return
    # Snakemake itself knows them only once the rules are read.
    asked = get_argument_parser().parse_args(sys.argv[1:])
    named = [asked.targets, asked.until, asked.omit_from, asked.forcerun]
    files = [
        name
        for names in named
        for name in names or ()
        if not workflow.is_rule(name) and not Path(name).exists()
    ]
    makers = {name: makes(os.path.relpath(name)) for name in files}
    reasons = {
        name: targets.beyond(numbers, counts_of(numbers))
        for name, numbers in makers.items()
        if numbers is not None
    }
    unknown = [name for name in files if makers[name] is None or reasons[name]]
    if unknown:
        rules = [rule.name for rule in workflow.rules if not rule.has_wildcards()]
        sys.exit(f"{targets.unknown_targets(unknown, rules, RUN, reasons)}")


def makes(path):
    """The wildcards of the rule that makes a file; None where no rule does."""
    found = (rule.get_wildcards(path) for rule in workflow.rules if rule.is_producer(path))
    return next(found, None)


def counts_of(wildcards):
    """How many shards and replicates there are of the approach and distribution of a path."""
    approach, distribution = wildcards.get("approach"), wildcards.get("distribution")
    if distribution is None:
        return {}
    counts = {"shard": COUNTS.shards(distribution, approach)}
    if approach is not None:
        counts["replicate"] = COUNTS.seeds(approach, distribution)
    return counts


WATCH = terminal.Watch(
    lambda: None if workflow.dryrun else announce(RUN), terminal.ignore_interrupts
)
terminal.follow(
    logging.getLogger("snakemake.logging"), WATCH, [*program(), *sys.argv[1:], "--unlock"]
)


def submit():
    """Leave what this run was started with for its jobs."""
    submission.submit(
        Submission(CONFIG.model_dump(), PLAN.files.known, PLAN.code.known, VERSIONS),
        contents.CACHES,
    )


def announce_failures(run):
    """Tell what stopped a run, below all that its jobs said."""
    print(f"\n{WATCH.summary(STARTED)}", file=sys.stderr)


def tell_reached(path):
    """Tell what the coalitions of a distribution came to, from its last file."""
    found = json.loads(path.read_text())
    shards = int(path.stem.split("-")[1])
    if (path.parent / f"enough-{shards + 1}.json").exists():
        return
    print(
        f"\n{path.parent.name}: {found['coalitions']} coalitions, "
        f"{'enough' if found['enough'] else 'the budget, not enough'} "
        f"(standard error {found['standard_error']}, stability {found['stability']})"
    )


class Warnings(list):
    """The warnings of all jobs whose results are asked for, also of those that ran earlier.

    They are collected when they are looked at, as by the report, and are nothing to a job.
    """

    def __iter__(self):
        jobs = [] if workflow.dag is None else workflow.dag.jobs
        logs = {str(log) for job in jobs for log in job.log}
        return iter(warned(sorted(logs)))

    def __reduce__(self):
        return list, ()


# The page that the report opens with shows them (captions/run.rst).
config["warnings"] = Warnings()


def tell_edits():
    """Tell which files of the configuration have been edited since the run was started."""
    edited = [
        path
        for path, content in WRITTEN.items()
        if not Path(path).exists() or Path(path).read_bytes() != content
    ]
    if edited:
        print(
            f"\n{', '.join(edited)}: edited since this run was started, whose results are by what was "
            "there then. Run the same command again to make what the edit concerns."
        )


def tell_warnings(run):
    """Tell the warnings; in a file, too, where everything was asked for."""
    found = list(config["warnings"])
    text = "\n".join(f"- {warning}" for warning in found) or "none"
    if any(job.rule.name == "all" for job in workflow.dag.jobs):
        write_text(f"{text}\n", f"{run}/evaluation/warnings.txt")
    if found:
        print(f"\nWarnings ({len(found)}):", text, sep="\n")


def announce(run):
    """Tell where the results are, and show the tables that were asked for."""
    for path in Path(run).glob("coalitions/*/enough-*.json"):
        tell_reached(path)
    asked = {str(path) for job in workflow.dag.jobs for path in job.output}
    summaries = [f"{run}/evaluation/{name}.txt" for name in ("lds", "verdict")]
    told = [
        Path(s).read_text() or f"{s} is empty: delete it and run the same command again"
        for s in summaries
        if s in asked and Path(s).exists()
    ]
    if told:
        print("", *told, f"Tables: {run}/evaluation/  Figures: {run}/figures/", sep="\n")
        print(f"One HTML file: {targets.report_command(program(), sys.argv[1:], run)}")
    tell_warnings(run)
    tell_edits()
    print(f"\nDisk: {disk.told(disk.by_stage(Path(run)))}")
