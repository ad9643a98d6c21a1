"""What all rules share: the checked configuration, paths, and what each stage depends on."""

import hashlib
import json
import math
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(workflow.basedir) / "workflow_scripts"))

import diffcredit.config
from diffcredit.code import LIBRARY, digest
from diffcredit.config import lists, pretrained, weights
from diffcredit.config.unlearning import PRETRAINED, UNLEARNING
from diffcredit.errors import UserError
from diffcredit.files import IMAGE_SUFFIXES
from diffcredit.logs import failures
from diffcredit.registry import ESTIMATORS, SCORES

# Jobs keep the memory of tensors that they free: given back, which is what glibc does with large
# ones, every page of it is faulted in again at the next step, and training on 32x32 pixels takes
# half as long again on CPU. Read when a process starts; other systems do not know the names.
if not {"MALLOC_MMAP_MAX_", "MALLOC_TRIM_THRESHOLD_"} & os.environ.keys():
    os.environ |= {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**40)}

try:
    CONFIG = diffcredit.config.load(config)
except UserError as error:
    sys.exit(f"{error}")

config.clear()
config.update(CONFIG.model_dump())

RUN = f"results/{CONFIG.experiment}"
SEED = CONFIG.seed
STARTED = time.time()

# Every approach/distribution whose models are made.
MADE = [f"{a}/{d}" for a, entry in CONFIG.approaches.items() for d in entry.coalitions]

if CONFIG.records:
    MADE = [f"records/{name}" for name in CONFIG.records.tables]

# The models that attributions ask for are made by one of the approaches, too.
COUNTERFACTUAL, REGENERATED = CONFIG.evaluation.counterfactual, CONFIG.evaluation.regenerated
ASKED = {"counterfactual": COUNTERFACTUAL, "regenerated": REGENERATED}
ASKED = {name: settings for name, settings in ASKED.items() if settings}
MADE += [f"{settings.approach}/{name}" for name, settings in ASKED.items()]

# Models that unlearn, with those that they are compared with.
UNLEARNED = CONFIG.unlearning
FORGETTING = [PRETRAINED, *UNLEARNED.approaches] if UNLEARNED else []
if UNLEARNED and UNLEARNED.retrain:
    FORGETTING.append(UNLEARNED.retrain)

# Whether an approach starts from the pruned model.
PRUNED = any(approach.start == "pruned" for approach in CONFIG.approaches.values())

# Coalitions that are added until they are enough.
ADAPTIVE = [name for name, entry in CONFIG.coalitions.items() if getattr(entry, "until", None)]

# Those that attributions are fitted on, with their v(all) and v(none).
FITTED = sorted({r for entry in CONFIG.attributions.values() for r in entry.references.values()})

# Behaviors of the images that models draw, and of the models themselves.
SCORED = {name: b for name, b in CONFIG.behaviors.items() if b.of == "samples"}
QUERIED = {name: b for name, b in CONFIG.behaviors.items() if b.of == "model"}

# Those that look for given images among the samples.
SOUGHT = [name for name, b in SCORED.items() if b.compares == "queries"]

# Those that each score of images explains.
EXPLAINED = {
    name: {b: CONFIG.behaviors[b] for b in entry.behaviors} for name, entry in CONFIG.scores.items()
}

# Attributions by scores use no coalitions, so there is nothing to add.
CONVERGENCE = CONFIG.evaluation.convergence if CONFIG.attributions else None

# Scores with several dampings to choose from.
GRIDS = [name for name, entry in CONFIG.scores.items() if len(entry.dampings) > 1]

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
    distribution="|".join([*CONFIG.coalitions, *ASKED, UNLEARNING]),
    attribution="|".join(CONFIG.attributed),
    gradients="|".join(CONFIG.gradients),
    score="|".join(CONFIG.scores),
    number=r"\d+",
    table="|".join(CONFIG.records.tables if CONFIG.records else []),
    replicate=r"\d+",
    shard=r"\d+",


# Raise the number of a stage when its results change: imports are not tracked, and models are too
# dear to be made again for a change of code that leaves them as they are.
VERSIONS = {
    "data": 2,
    "classifier": 1,
    "training": 1,
    "pruning": 1,
    "coalitions": 1,
    "sampling": 1,
    "queries": 1,
    "losses": 1,
    "unlearning": 1,
    "gradients": 1,
    "ekfac": 1,
}

# Cheap stages run again when what their code does has changed; comments and docstrings do not count.
CODE = {
    "behaviors": digest("behaviors", "../score.py", "../gather.py", "../records.py"),
    "attributions": digest(
        *[f"attribution/{path.name}" for path in LIBRARY.glob("attribution/*.py")],
        "behaviors/table.py",
        "coalitions.py",
        "../attribution.py",
        "../enough.py",
    ),
    "scores": digest(
        "attribution/image_scores",
        "attribution/similarity",
        "attribution/gradients/scores.py",
        "attribution/gradients/store.py",
        "attribution/table.py",
        "attribution/game.py",
        "behaviors/table.py",
        "behaviors/evidence.py",
        "ranks.py",
        *[f"../{name}.py" for name in ("gradient_scores", "similarity", "scored")],
    ),
    # Models are made of these, so nothing else of the evaluation may count.
    "counterfactual_coalitions": digest(
        "evaluation/asked.py", "evaluation/counterfactual.py", "../counterfactual_coalitions.py"
    ),
    "regenerated_coalitions": digest(
        "evaluation/asked.py", "evaluation/proponents_removed.py", "../regenerated_coalitions.py"
    ),
    "evaluation": digest(
        "evaluation",
        "behaviors/table.py",
        "ranks.py",
        "steps.py",
        *[
            f"../{name}.py"
            for name in (
                "lds",
                "planted",
                "cost",
                "convergence",
                "dampings",
                "counterfactual",
                "regenerated",
                "verdict",
            )
        ],
    ),
    "figures": digest(
        "report",
        "evaluation/unlearning.py",
        *[
            f"../figure_{name}.py"
            for name in (
                "attributions",
                "cost",
                "lds",
                "samples",
                "tables",
                "convergence",
                "dampings",
                "counterfactual",
                "regenerated",
                "proponents",
                "unlearning",
            )
        ],
    ),
}

# What a user's folder is read for: images, and the tables and records that name or hold them. The
# IDX files of MNIST have no suffix.
READ_SUFFIXES = {*IMAGE_SUFFIXES, ".csv", ".parquet", ".bin", ".gz", ""}

GPU = 0 if CONFIG.execution.device == "cpu" else 1


def keep(flag, path):
    """A path that is deleted once it is no longer needed, unless the flag says to keep it."""
    return path if flag else temp(path)


def listing(paths):
    """A digest of the user's files, so that changed ones are read again."""
    listed = hashlib.blake2b(digest_size=8)
    for path in paths:
        stat = path.stat()
        listed.update(f"{path}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
    return listed.hexdigest()


def folder_listing(folder):
    """A digest of the user's images."""
    if folder is None:
        return None
    found = sorted(Path(folder).expanduser().rglob("[!.]*"))
    return listing(p for p in found if p.is_file() and p.suffix.lower() in READ_SUFFIXES)


def injected_listing(injected):
    """A digest of the image file that is injected, if one is."""
    if injected is None or not isinstance(injected.image, str):
        return None
    return listing([Path(injected.image).expanduser()])


def pretrained_listing(folder):
    """A digest of the files of the full model, if it was trained elsewhere."""
    return None if folder is None else listing(pretrained.find(folder).present)


def identity(name):
    """A distribution without its count: more coalitions do not change those that exist."""
    return CONFIG.coalitions[name].model_dump(exclude={"count", "until"})


def shard_numbers(wildcards):
    """Number of the first coalition of a shard, and of the first after it."""
    size = CONFIG.execution.shard_size
    first = int(wildcards.shard) * size
    count = CONFIG.coalitions[wildcards.distribution].count
    return [first, min(first + size, count)]


def listed(wildcards):
    """A digest of a shard's coalitions that a file lists, so that changed ones are made again."""
    entry = CONFIG.coalitions[wildcards.distribution]
    if entry.distribution != "file":
        return None
    return lists.digest(Path(entry.path), range(*shard_numbers(wildcards)))


def shard_count(distribution):
    """Shards that the coalitions of a distribution fall into."""
    if distribution in ASKED:
        return len(ASKED[distribution].attributions) + (ASKED[distribution].random > 0)
    most = math.ceil(CONFIG.coalitions[distribution].count / CONFIG.execution.shard_size)
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
    values = CONFIG.attributions[until(wildcards).attribution].values
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
    made = {**CONFIG.approaches[approach].coalitions}
    seeds = made[distribution] if distribution in made else ASKED[distribution].seeds
    count = shard_count(distribution)
    return [f"{replicate}-{shard}" for replicate in range(seeds) for shard in range(count)]


def snapshots(number):
    """Where a training of the full model leaves its snapshots, if it does."""
    if CONFIG.full.snapshots == 1:
        return []
    return directory(f"{RUN}/models/snapshots/{number}")


def gradient_models(name):
    """Names number-snapshot of the models whose gradients an entry takes."""
    entry, last = CONFIG.gradients[name], CONFIG.full.snapshots
    kept = range(last - entry.snapshots + 1, last + 1)
    return [f"{number}-{snapshot}" for number in range(entry.models) for snapshot in kept]


def is_snapshot(name):
    """Whether the model of a name number-snapshot is one on the way, not at the end."""
    return int(name.split("-")[1]) < CONFIG.full.snapshots


def model_folder(name):
    """Where the model of a name number-snapshot is."""
    number, snapshot = name.split("-")
    if is_snapshot(name):
        return f"{RUN}/models/snapshots/{number}/{snapshot}"
    return f"{RUN}/models/full" if number == "0" else f"{RUN}/models/again/{number}"


def made_model(name):
    """The folder that a rule made, in which the model of a name number-snapshot is."""
    folder = model_folder(name)
    return str(Path(folder).parent) if is_snapshot(name) else folder


def score_models(wildcards):
    """Names number-snapshot of the models that a score is made of."""
    return gradient_models(CONFIG.scores[wildcards.score].gradients)


def score_gradients(wildcards):
    """How the gradients of a score are taken; how many at a time changes nothing."""
    entry = CONFIG.scores[wildcards.score]
    unused = {"batch_size", "shards"}
    if SCORES[entry.method].of == "model":
        unused.add("dimensions")  # Nothing is projected.
    return CONFIG.gradients[entry.gradients].model_dump(exclude=unused)


def query_behaviors(score):
    """Behaviors for whose queries a score needs the scores of training images."""
    entry = CONFIG.scores[score]
    own = [name for name, behavior in EXPLAINED[score].items() if behavior.queried]
    whole = len(own) < len(entry.behaviors)
    return list(dict.fromkeys([*own, *([entry.queries] if whole else [])]))


def query_tables(score):
    """The query images of a score."""
    return [f"{RUN}/queries/{behavior}.parquet" for behavior in query_behaviors(score)]


def gradient_features(wildcards):
    """The features that a score is made of: of training images and queries, of all models."""
    name, method = CONFIG.scores[wildcards.score].gradients, CONFIG.scores[wildcards.score].method
    queries = "trajectory" if SCORES[method].trajectory else "queries"
    parts = [f"train/{shard}" for shard in range(CONFIG.gradients[name].shards)]
    parts += [f"{queries}/{behavior}" for behavior in query_behaviors(wildcards.score)]
    folder = f"{RUN}/gradients/{name}"
    return [f"{folder}/{model}/{part}" for model in gradient_models(name) for part in parts]


def scores_of(*kinds):
    """A pattern of the scores that are made of gradients, features, pixels or the model."""
    found = [name for name, e in CONFIG.scores.items() if SCORES[e.method].of in kinds]
    return "|".join(found) or NOTHING


def start_model(wildcards):
    """The model that an approach starts from; none for scratch."""
    start = CONFIG.approaches[wildcards.approach].start
    return [] if start == "scratch" else f"{RUN}/models/{start}"


def seen(behaviors):
    """Names of the extractors that behaviors see images through."""
    used = {b.sees for b in behaviors.values()}
    return [name for name in CONFIG.extractors if name in used]


def extractor_places(names):
    """Kind and place of each extractor; the classifier is of this run."""
    entries = {name: CONFIG.extractors[name] for name in names}
    return {
        name: [entry.kind, str(weights.place(entry) or f"{RUN}/models/{entry.kind}")]
        for name, entry in entries.items()
    }


def own_classifier(names):
    """The classifier of this run, where it is among the extractors."""
    kinds = {CONFIG.extractors[name].kind for name in names}
    return f"{RUN}/models/classifier" if "classifier" in kinds else []


def extractor_weights(names):
    """Published weights of extractors."""
    return [file for name in names for file in weights.files(CONFIG.extractors[name])]


def asked_early(wildcards):
    """What a training that may end early is measured by; one from scratch goes to its end."""
    if UNLEARNED.until is None or not start_model(wildcards):
        return {}
    return {UNLEARNED.forgetting: CONFIG.behaviors[UNLEARNED.forgetting]}


def early_end(wildcards):
    """How a training that may end early is measured, and the level that ends it."""
    asked = asked_early(wildcards)
    if not asked:
        return {}
    return {
        "name": UNLEARNED.forgetting,
        "behavior": CONFIG.behaviors[UNLEARNED.forgetting].model_dump(),
        "level": UNLEARNED.until,
        "extractors": extractor_places(seen(asked)),
        "sampling": CONFIG.sampling.model_dump(exclude={"images"}),
    }


def score_extractor(wildcards):
    """The extractor of a score, as a list; empty for one that sees pixels."""
    name = CONFIG.scores[wildcards.score].extractor
    return [name] if name else []


def weight_files(behaviors):
    """Published weights that behaviors are measured with."""
    heads = [b.measure.head for b in behaviors.values() if b.measure.name == "aesthetic"]
    return [
        *extractor_weights(seen(behaviors)),
        *[weights.head(head) for head in dict.fromkeys(heads)],
    ]


def query_images(wildcards):
    """What the query images of a behavior are."""
    return CONFIG.behaviors[wildcards.behavior].query_images


def measured_tables(approach, distribution, names):
    """The behaviors of shards, measured on images and on models."""
    stages = [name for name, measured in (("behaviors", SCORED), ("losses", QUERIED)) if measured]
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
    references = CONFIG.attributions[wildcards.attribution].references
    return [f"{RUN}/behaviors/{reference}.parquet" for reference in references.values()]


def other_tables(wildcards):
    """What an attribution is fitted on besides the coalitions that are added until enough."""
    references = CONFIG.attributions[until(wildcards).attribution].references
    return [
        f"{RUN}/behaviors/{reference}.parquet"
        for role, reference in references.items()
        if role != "values"
    ]


def drawn_for(attribution):
    """What the coalitions of an attribution were drawn from, without their count, by role."""
    references = CONFIG.attributions[attribution].references
    return {
        role: CONFIG.drawn(reference).model_dump(exclude={"count", "until"})
        for role, reference in references.items()
        if role in ("values", "corrections")
    }


def estimator(attribution):
    """What the registry says of an attribution's estimator."""
    return asdict(ESTIMATORS[CONFIG.attributions[attribution].estimator])


def asked_tables(distribution):
    """The coalitions that attributions ask for, a table for each and one of random removals."""
    folder = f"{RUN}/coalitions/{distribution}"
    return [f"{folder}/{shard}.parquet" for shard in range(shard_count(distribution))]


def asked_attribution(distribution, shard):
    """The attribution that a shard of coalitions is asked for by; none for random removals."""
    attributions = ASKED[distribution].attributions
    number = int(shard)
    return (
        [] if number == len(attributions) else f"{RUN}/attributions/{attributions[number]}.parquet"
    )


def announce_failures(run):
    """Repeat what the failed jobs said, below all that the others said since."""
    told = failures(f"{run}/logs", STARTED)
    print("\ndiffcredit stopped.", *told, f"Logs: {run}/logs", sep="\n", file=sys.stderr)


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


def announce(run):
    """Tell where the results are, and show the LDS table."""
    for path in Path(run).glob("coalitions/*/enough-*.json"):
        tell_reached(path)
    summaries = [Path(run) / "evaluation" / f"{name}.txt" for name in ("lds", "verdict")]
    told = [s.read_text() for s in summaries if s.exists() and s.stat().st_mtime >= STARTED]
    if told:
        print("", *told, f"Tables: {run}/evaluation/  Figures: {run}/figures/", sep="\n")
        print(f"One HTML file: {run}/report.html (snakemake --report {run}/report.html)")
