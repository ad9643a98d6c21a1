"""What one key of the configuration asks of another."""

from pathlib import Path

from diffcredit.config.approaches import approach_problems
from diffcredit.config.messages import choices, problem
from diffcredit.config.ratios import accepted_ratios, largest_ratio
from diffcredit.config.schema import Attribution, Config, CsvContributors
from diffcredit.registry import ESTIMATORS


def problems(config: Config, base: Path) -> list[str]:
    """One line for each key that contradicts another, or the files that it names."""
    return [
        *_model_problems(config),
        *_data_problems(config, base),
        *approach_problems(config),
        *_names(config),
    ]


def _model_problems(config: Config) -> list[str]:
    model, training = config.model, config.training
    found = []
    if len(model.attention) != len(model.channels):
        found.append(
            problem(
                "model.attention",
                model.attention,
                f"needs one entry for each of model.channels = {model.channels}",
            )
        )
    for width in model.channels:
        if width % model.norm_groups:
            found.append(
                problem(
                    "model.norm_groups",
                    model.norm_groups,
                    f"must divide all of model.channels = {model.channels}",
                )
            )
            break
    least = min(model.channels)
    if model.norm_groups <= least and config.pruned.ratio > largest_ratio(least, model.norm_groups):
        found.append(
            problem(
                "pruned.ratio",
                config.pruned.ratio,
                f"each of {model.norm_groups} norm groups must keep a channel of {least}; "
                f"accepted: {accepted_ratios(least, model.norm_groups)}",
            )
        )
    for width, attends in zip(model.channels, model.attention, strict=False):
        if attends and width % model.head_dim:
            found.append(
                problem(
                    "model.head_dim",
                    model.head_dim,
                    f"must divide the {width} channels of a resolution with attention",
                )
            )
    halvings = len(model.channels) - 1
    if config.data.image_size % 2**halvings:
        found.append(
            problem(
                "data.image_size",
                config.data.image_size,
                f"must be divisible by {2**halvings}: model.channels halves it {halvings} times",
            )
        )
    if (training.batch_size // 2) % training.gradient_accumulation:
        found.append(
            problem(
                "training.gradient_accumulation",
                training.gradient_accumulation,
                f"must divide half of training.batch_size = {training.batch_size}",
            )
        )
    if config.sampling.steps > model.timesteps:
        found.append(
            problem(
                "sampling.steps",
                config.sampling.steps,
                f"must not exceed model.timesteps = {model.timesteps}",
            )
        )
    return found


def _data_problems(config: Config, base: Path) -> list[str]:
    data = config.data
    found = []
    if isinstance(data.contributors, int) and data.planted.contributors > data.contributors:
        found.append(
            problem(
                "data.planted.contributors",
                data.planted.contributors,
                f"must not exceed data.contributors = {data.contributors}",
            )
        )
    if data.source == "digits":
        if data.path is not None:
            found.append(
                problem("data.path", data.path, "must be null: the digits come with a package")
            )
        if not isinstance(data.contributors, int | str) or data.contributors == "subfolder":
            found.append(
                problem(
                    "data.contributors",
                    data.contributors,
                    "the digits have no files; accepted: a number or label",
                )
            )
        if data.channels != 1:
            found.append(problem("data.channels", data.channels, "the digits are gray: 1"))
        return found
    if data.path is None:
        return [*found, f"  data.path is missing: source {data.source} needs a folder of images"]
    folder = base / data.path
    if not folder.is_dir():
        found.append(problem("data.path", data.path, "must be an existing folder"))
    elif isinstance(data.contributors, CsvContributors):
        if not (folder / data.contributors.csv).is_file():
            found.append(
                problem(
                    "data.contributors.csv",
                    data.contributors.csv,
                    f"must be a file in data.path = {data.path}",
                )
            )
    elif data.contributors == "subfolder":
        count = sum(entry.is_dir() for entry in folder.iterdir())
        if count == 0:
            found.append(
                problem("data.path", data.path, "has no subfolders; contributors: subfolder needs")
            )
        elif data.planted.contributors > count:
            found.append(
                problem(
                    "data.planted.contributors",
                    data.planted.contributors,
                    f"must not exceed the {count} subfolders of {data.path}",
                )
            )
    return found


def _names(config: Config) -> list[str]:
    """Every name that refers to another entry must exist, and no score may see its own fit."""
    found = []
    made = [f"{a}/{c}" for a, approach in config.approaches.items() for c in approach.coalitions]
    for name, approach in config.approaches.items():
        for coalition in approach.coalitions:
            if coalition not in config.coalitions:
                found.append(
                    problem(
                        f"approaches.{name}.coalitions",
                        coalition,
                        choices(coalition, list(config.coalitions)),
                    )
                )
    references = {"evaluation.lds.truth": config.evaluation.lds.truth}
    for name, attribution in config.attributions.items():
        key = f"attributions.{name}"
        references |= {
            f"{key}.{field}": value
            for field in ("values", "full", "none")
            if (value := getattr(attribution, field)) is not None
        }
    found += [
        problem(
            key,
            value,
            f"no such models are made; {choices(value, made)}",
            "approaches.<approach>.coalitions says which coalitions an approach makes",
        )
        for key, value in references.items()
        if value not in made
    ]
    found += [
        problem(
            f"attributions.{name}.values",
            attribution.values,
            "everybody or nobody says nothing about contributors; accepted: other coalitions",
        )
        for name, attribution in config.attributions.items()
        if (entry := config.coalitions.get(attribution.values.split("/")[1]))
        and entry.distribution in ("full", "none")
    ]
    if found:
        return found
    for name, attribution in config.attributions.items():
        found += _endpoint_problems(config, name, attribution)
        fitted, tested = attribution.values, config.evaluation.lds.truth
        if fitted.split("/")[1] == tested.split("/")[1]:
            found.append(
                problem(
                    "evaluation.lds.truth",
                    tested,
                    f"attributions.{name} is fitted on these coalitions ({fitted})",
                    "add an entry to coalitions for one of the two; a new name draws anew",
                )
            )
    return found


def _endpoint_problems(config: Config, name: str, attribution: Attribution) -> list[str]:
    found = []
    for endpoint in ("full", "none"):
        value = getattr(attribution, endpoint)
        key = f"attributions.{name}.{endpoint}"
        needed = endpoint in ESTIMATORS[attribution.estimator].endpoints
        if needed and value is None:
            found.append(f"  {key} is missing: {attribution.estimator} needs approach/coalitions")
        elif value is not None and not needed:
            found.append(
                problem(key, value, f"{attribution.estimator} does not use it; leave it out")
            )
        elif value is not None:
            entry = config.coalitions[value.split("/")[1]]
            if entry.distribution != endpoint:
                found.append(
                    problem(key, value, f"must name coalitions of distribution {endpoint}")
                )
    return found
