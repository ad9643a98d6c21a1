"""The typed configuration: the one place that knows every key, its default and its range.

`load` turns the dictionary that Snakemake read into a `Config` or raises one `UserError` that
names each wrong key, its value, what is accepted and a hint.
"""

import difflib
import re
import typing
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from diffcredit.errors import UserError
from diffcredit.registry import DATASETS, ESTIMATORS, MEASURES, OBJECTIVES, PRUNERS


def _number(value: Any) -> Any:
    """YAML 1.1 reads 1e-4 as text; take it for the number that was meant."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _one_of(entries: Collection[str]) -> Any:
    """A name out of a registry table."""

    def check(value: Any) -> Any:
        if value not in entries:
            raise ValueError(_choices(value, list(entries)))
        return value

    return Annotated[str, BeforeValidator(check)]


def _choices(value: Any, names: list[str]) -> str:
    close = difflib.get_close_matches(str(value), names, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return f"must be one of: {', '.join(names)}{hint}"


Real = Annotated[float, BeforeValidator(_number), Field(allow_inf_nan=False)]
Rate = Annotated[Real, Field(gt=0)]
Fraction = Annotated[Real, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
Reference = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]\w*/[A-Za-z]\w*$")]


class Section(BaseModel):
    """A part of the configuration: no unknown keys, no silent conversions."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class CsvContributors(Section):
    """Contributors named in a table beside the images."""

    csv: str = Field(description="path of the CSV table, relative to data.path")
    column: str = Field(description="column that names the contributor of each image")
    file: str = Field("file", description="column with the image's path, relative to data.path")


class Planted(Section):
    """Contributors whose images are spoiled on purpose, so that the truth about them is known."""

    contributors: Annotated[int, Field(ge=0)] = Field(
        3, description="how many contributors are planted; 0 for none"
    )
    noise: Rate = Field(
        0.9, description="sd of the noise on their images, above 0; pixels span [-1, 1]"
    )


class Data(Section):
    """The training images and whose they are."""

    source: _one_of(DATASETS) = Field(  # type: ignore[valid-type]
        "digits", description=f"one of: {', '.join(DATASETS)}"
    )
    path: str | None = Field(None, description="folder of the images (source: folder)")
    image_size: Count = Field(8, description="side of the square images in pixels, 1 or more")
    channels: Literal[1, 3] = Field(1, description="1 (gray) or 3 (color)")
    contributors: Count | Literal["subfolder", "label"] | CsvContributors = Field(
        12,
        description="a number (images are dealt), subfolder, label, or {csv: ..., column: ...}",
    )
    concentration: Rate = Field(
        0.4, description="Dirichlet concentration of the deal over labels, above 0"
    )
    planted: Planted = Planted()


class Classifier(Section):
    """The small network whose features and predictions measure the samples."""

    channels: Count = Field(32, description="channels of the first layer, 1 or more")
    features: Annotated[int, Field(ge=2)] = Field(
        64, description="size of the feature vector, 2 or more"
    )
    steps: Count = Field(250, description="training steps, 1 or more")
    batch_size: Count = Field(128, description="images in a step, 1 or more")
    learning_rate: Rate = Field(2e-3, description="a number above 0")


class Model(Section):
    """The denoising network and its noise schedule."""

    channels: Annotated[list[Count], Field(min_length=1)] = Field(
        [16, 32], description="channels of each resolution, finest first"
    )
    attention: list[bool] = Field(
        [False, True], description="true where a resolution has attention, one for each"
    )
    layers_per_block: Count = Field(1, description="residual layers in a block, 1 or more")
    norm_groups: Count = Field(8, description="groups of the group norms; divides all channels")
    head_dim: Count = Field(8, description="channels of one attention head, 1 or more")
    timesteps: Annotated[int, Field(ge=2)] = Field(1000, description="noise levels, 2 or more")


class Ema(Section):
    """Moving average of the weights: decay(k) = min(max_decay, 1 - (1 + k/gamma)^-power)."""

    inverse_gamma: Rate = Field(1.0, description="a number above 0")
    power: Rate = Field(0.75, description="a number above 0")
    max_decay: Annotated[Real, Field(ge=0, lt=1)] = Field(0.9999, description="at least 0, below 1")


class Training(Section):
    """The one training loop, as every model uses it."""

    batch_size: Annotated[int, Field(ge=2, multiple_of=2)] = Field(
        64, description="images in a step; even, since timesteps are antithetic"
    )
    warmup_steps: Annotated[int, Field(ge=0)] = Field(
        10, description="steps of linear warm-up before the cosine, 0 or more"
    )
    gradient_clip: Rate = Field(1.0, description="largest gradient norm, above 0")
    gradient_accumulation: Count = Field(
        1, description="parts in which a step's batch is computed; divides batch_size / 2"
    )
    mixed_precision: Literal["no", "fp16", "bf16"] = Field("no", description="no, fp16 or bf16")
    ema: Ema = Ema()


class Full(Section):
    """The model trained on everything."""

    steps: Count = Field(400, description="training steps, 1 or more")
    learning_rate: Rate = Field(5e-3, description="a number above 0")


class Pruned(Section):
    """The full model with channels removed, fine-tuned on everything."""

    pruner: _one_of(PRUNERS) = Field(  # type: ignore[valid-type]
        "magnitude", description=f"one of: {', '.join(PRUNERS)}"
    )
    ratio: Fraction = Field(0.2, description="fraction of channels to remove, above 0 and below 1")
    steps: Annotated[int, Field(ge=0)] = Field(200, description="fine-tuning steps, 0 or more")
    learning_rate: Rate = Field(3e-3, description="a number above 0")


class Shapley(Section):
    """P(s) ~ (N-1) / (s (N-s)), then uniform given the size: the kernel of KernelSHAP."""

    distribution: Literal["shapley"]
    count: Count = Field(48, description="number of coalitions, 1 or more")
    paired: bool = Field(True, description="true: each coalition is followed by its complement")


class Datamodel(Section):
    """Uniform among the coalitions of floor(alpha N) contributors."""

    distribution: Literal["datamodel"]
    count: Count = Field(16, description="number of coalitions, 1 or more")
    alpha: Fraction = Field(0.5, description="fraction of contributors kept, above 0, below 1")


class Everyone(Section):
    """All contributors: v(all)."""

    distribution: Literal["full"]
    count: Count = Field(3, description="independent repetitions, 1 or more")


class Nobody(Section):
    """No contributors: v(none), the untrained network."""

    distribution: Literal["none"]
    count: Count = Field(3, description="independent repetitions, 1 or more")


Distribution = Annotated[
    Shapley | Datamodel | Everyone | Nobody, Field(discriminator="distribution")
]


class Approach(Section):
    """How the model of a coalition is made: start x objective x parameters."""

    start: Literal["scratch", "full", "pruned"] = Field(description="scratch, full or pruned")
    objective: _one_of(OBJECTIVES) = Field(  # type: ignore[valid-type]
        description=f"one of: {', '.join(OBJECTIVES)}"
    )
    parameters: Literal["all"] = Field("all", description="all")
    steps: Count = Field(description="training steps, 1 or more")
    learning_rate: Rate = Field(description="a number above 0")
    coalitions: dict[Name, Count] = Field(
        description="for each entry of coalitions to be made: the number of training seeds"
    )


class Sampling(Section):
    """Images drawn from each model, from the same initial noises."""

    images: Annotated[int, Field(ge=2)] = Field(512, description="images of a model, 2 or more")
    steps: Annotated[int, Field(ge=2)] = Field(10, description="DDIM steps, 2 or more")
    batch_size: Count = Field(128, description="images at a time, 1 or more")


class Behavior(Section):
    """A property measured on each model."""

    measure: _one_of(MEASURES) = Field(  # type: ignore[valid-type]
        description=f"one of: {', '.join(MEASURES)}"
    )
    transform: Literal["none", "log"] = Field("none", description="none or log")


class Attribution(Section):
    """One value for each contributor and behavior, from an estimator and recorded behaviors."""

    estimator: _one_of(ESTIMATORS) = Field(  # type: ignore[valid-type]
        description=f"one of: {', '.join(ESTIMATORS)}"
    )
    values: Reference = Field(description="approach/coalitions, what it is fitted on")
    full: Reference | None = Field(None, description="approach/coalitions, what v(all) is from")
    none: Reference | None = Field(None, description="approach/coalitions, what v(none) is from")


class Lds(Section):
    """Linear datamodeling score on coalitions that no attribution was fitted on."""

    truth: Reference = Field(description="approach/coalitions, the retrained test models")
    resamples: Annotated[int, Field(ge=100)] = Field(
        2000, description="bootstrap resamples of the coalitions, 100 or more"
    )
    confidence: Fraction = Field(0.95, description="level of the intervals, above 0 and below 1")


class Evaluation(Section):
    """How good the attributions are."""

    lds: Lds


class Keep(Section):
    """What stays on disk after the run."""

    models: bool = Field(False, description="true keeps the model of every coalition")
    samples: bool = Field(True, description="true keeps the images of every coalition")


class Execution(Section):
    """How the work is done; nothing here changes a result."""

    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto, cpu or cuda")
    gpus: Count = Field(1, description="GPUs that train the full and the pruned model, 1 or more")
    shard_size: Count = Field(16, description="coalitions that one job makes, 1 or more")
    checkpoint_steps: Count = Field(
        100, description="steps between checkpoints that an interrupted training continues from"
    )
    keep: Keep = Keep()


class Config(Section):
    """Everything that a run depends on."""

    experiment: Name = Field("digits", description="letters, digits and _, a letter first")
    seed: Annotated[int, Field(ge=0)] = Field(0, description="a whole number, 0 or more")
    execution: Execution = Execution()
    data: Data = Data()
    classifier: Classifier = Classifier()
    model: Model = Model()
    training: Training = Training()
    full: Full = Full()
    pruned: Pruned = Pruned()
    coalitions: Annotated[dict[Name, Distribution], Field(min_length=1)]
    approaches: Annotated[dict[Name, Approach], Field(min_length=1)]
    sampling: Sampling = Sampling()
    behaviors: Annotated[dict[Name, Behavior], Field(min_length=1)]
    attributions: Annotated[dict[Name, Attribution], Field(min_length=1)]
    evaluation: Evaluation


def load(raw: dict[str, Any], base: Path = Path()) -> Config:
    """Check a configuration and return it typed.

    Args:
        raw: the configuration as read from YAML. An entry that is null in an overlay removes
            the entry of that name (coalitions, approaches, behaviors, attributions).
        base: folder that data.path is relative to.

    Raises:
        UserError: with one line for each wrong key.
    """
    cleaned = _without_removed(raw)
    try:
        config = Config.model_validate(cleaned)
    except ValidationError as error:
        problems = _explain(error.errors(), cleaned)
    else:
        problems = [*_model_problems(config), *_data_problems(config, base), *_names(config)]
        if not problems:
            return config
    raise UserError("\n".join(["The configuration cannot be used:", *problems]))


NAMED_SECTIONS = ("coalitions", "approaches", "behaviors", "attributions")


def _without_removed(raw: dict[str, Any]) -> dict[str, Any]:
    cleaned = dict(raw)
    for section in NAMED_SECTIONS:
        if isinstance(entries := cleaned.get(section), dict):
            cleaned[section] = {k: _active(v) for k, v in entries.items() if v is not None}
    return cleaned


def _active(entry: Any) -> Any:
    """Null removes keys of an entry, too, and entries of an approach's table of coalitions."""
    if not isinstance(entry, dict):
        return entry
    return {key: _active(value) for key, value in entry.items() if value is not None}


def _problem(key: str, value: Any, accepted: str, hint: str = "") -> str:
    line = f"  {key} = {value!r}: {accepted}"
    return f"{line}\n    Hint: {hint}" if hint else line


def _explain(errors: list[Any], raw: dict[str, Any]) -> list[str]:
    """Pydantic's errors as lines that a user can act on, one for each key."""
    found: dict[tuple[Any, ...], list[Any]] = {}
    for item in errors:
        found.setdefault(_place(item, raw), []).append(item)
    # A union complains once for each of its members: what is said of a key within is closer.
    inner = {place[:-1] for place in found}
    return [_line(place, items) for place, items in found.items() if place not in inner]


def _place(item: Any, raw: dict[str, Any]) -> tuple[Any, ...]:
    """Where in the user's file an error is: its location without pydantic's names of types."""
    place: list[Any] = []
    current: Any = raw
    for part in item["loc"]:
        named = isinstance(current, dict) and part in current
        listed = isinstance(current, list) and isinstance(part, int)
        if named or listed:
            current = current[part]
        elif part is not item["loc"][-1] or item["type"] != "missing":
            continue
        place.append(part)
    return tuple(place)


def _line(place: tuple[Any, ...], items: list[Any]) -> str:
    item = items[0]
    key = ".".join(str(part) for part in place)
    kind, value = item["type"], item["input"]
    description = _description(item["loc"])
    if kind == "extra_forbidden":
        return _problem(key, value, f"unknown key; {_choices(place[-1], _known_keys(item['loc']))}")
    if kind == "missing":
        return f"  {key} is missing: {description or 'it has no default'}"
    if kind in ("union_tag_not_found", "union_tag_invalid"):
        given = value.get("distribution") if isinstance(value, dict) else value
        return _problem(f"{key}.distribution", given, _choices(given, list(DISTRIBUTIONS)))
    if item["loc"][-1] == "[key]":
        return _problem(key, value, "a name is letters, digits and _, a letter first")
    if len(items) > 1 or kind == "string_pattern_mismatch":
        return _problem(key, value, f"must be {description}")
    message = re.sub(r"^(Value error, |Input )", "", item["msg"])
    explained = description and kind != "value_error"
    return _problem(key, value, f"{message}; accepted: {description}" if explained else message)


DISTRIBUTIONS: dict[str, type[Section]] = {
    typing.get_args(member.model_fields["distribution"].annotation)[0]: member
    for member in (Shapley, Datamodel, Everyone, Nobody)
}


def _sections(location: Sequence[Any]) -> list[type[Section]]:
    """The section classes at a location of pydantic's, in which types of unions are named."""
    found: list[type[Section]] = [Config]
    named = False
    for part in location:
        if named:  # The user's name of an entry, which may be that of a type, too.
            named = False
            continue
        fields = [s.model_fields[part].annotation for s in found if part in s.model_fields]
        if fields:
            named = any(typing.get_origin(field) is dict for field in fields)
            found = [section for field in fields for section in _section_types(field)]
        elif len(found) > 1 and part in DISTRIBUTIONS:
            found = [s for s in found if s is DISTRIBUTIONS[part]]
    return found


def _section_types(annotation: Any) -> list[type[Section]]:
    """The sections that an annotation is made of."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return [annotation]
    return [s for part in typing.get_args(annotation) for s in _section_types(part)]


def _known_keys(location: Sequence[Any]) -> list[str]:
    return list(dict.fromkeys(k for s in _sections(location[:-1]) for k in s.model_fields))


def _description(location: Sequence[Any]) -> str:
    """What the last key at a location accepts."""
    for end in range(len(location), 0, -1):
        for section in _sections(location[: end - 1]):
            if field := section.model_fields.get(location[end - 1]):
                return field.description or ""
    return ""


def _model_problems(config: Config) -> list[str]:
    model, training = config.model, config.training
    found = []
    if len(model.attention) != len(model.channels):
        found.append(
            _problem(
                "model.attention",
                model.attention,
                f"needs one entry for each of model.channels = {model.channels}",
            )
        )
    for width in model.channels:
        if width % model.norm_groups:
            found.append(
                _problem(
                    "model.norm_groups",
                    model.norm_groups,
                    f"must divide all of model.channels = {model.channels}",
                )
            )
            break
    least = min(model.channels)
    if least * (1 - config.pruned.ratio) < model.norm_groups <= least:
        largest = 1 - model.norm_groups / least
        accepted = f"at most {largest:.3g}" if largest > 0 else "no ratio; fewer model.norm_groups"
        found.append(
            _problem(
                "pruned.ratio",
                config.pruned.ratio,
                f"each of the {model.norm_groups} norm groups must keep a channel of {least}; "
                f"accepted: {accepted}",
            )
        )
    for width, attends in zip(model.channels, model.attention, strict=False):
        if attends and width % model.head_dim:
            found.append(
                _problem(
                    "model.head_dim",
                    model.head_dim,
                    f"must divide the {width} channels of a resolution with attention",
                )
            )
    halvings = len(model.channels) - 1
    if config.data.image_size % 2**halvings:
        found.append(
            _problem(
                "data.image_size",
                config.data.image_size,
                f"must be divisible by {2**halvings}: model.channels halves it {halvings} times",
            )
        )
    if (training.batch_size // 2) % training.gradient_accumulation:
        found.append(
            _problem(
                "training.gradient_accumulation",
                training.gradient_accumulation,
                f"must divide half of training.batch_size = {training.batch_size}",
            )
        )
    if config.sampling.steps > model.timesteps:
        found.append(
            _problem(
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
            _problem(
                "data.planted.contributors",
                data.planted.contributors,
                f"must not exceed data.contributors = {data.contributors}",
            )
        )
    if data.source == "digits":
        if data.path is not None:
            found.append(
                _problem("data.path", data.path, "must be null: the digits come with a package")
            )
        if not isinstance(data.contributors, int | str) or data.contributors == "subfolder":
            found.append(
                _problem(
                    "data.contributors",
                    data.contributors,
                    "the digits have no files; accepted: a number or label",
                )
            )
        if data.channels != 1:
            found.append(_problem("data.channels", data.channels, "the digits are gray: 1"))
        return found
    if data.path is None:
        return [*found, f"  data.path is missing: source {data.source} needs a folder of images"]
    folder = base / data.path
    if not folder.is_dir():
        found.append(_problem("data.path", data.path, "must be an existing folder"))
    elif isinstance(data.contributors, CsvContributors):
        if not (folder / data.contributors.csv).is_file():
            found.append(
                _problem(
                    "data.contributors.csv",
                    data.contributors.csv,
                    f"must be a file in data.path = {data.path}",
                )
            )
    elif data.contributors == "subfolder":
        count = sum(entry.is_dir() for entry in folder.iterdir())
        if count == 0:
            found.append(
                _problem("data.path", data.path, "has no subfolders; contributors: subfolder needs")
            )
        elif data.planted.contributors > count:
            found.append(
                _problem(
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
                    _problem(
                        f"approaches.{name}.coalitions",
                        coalition,
                        _choices(coalition, list(config.coalitions)),
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
        _problem(
            key,
            value,
            f"no such models are made; {_choices(value, made)}",
            "approaches.<approach>.coalitions says which coalitions an approach makes",
        )
        for key, value in references.items()
        if value not in made
    ]
    found += [
        _problem(
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
                _problem(
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
                _problem(key, value, f"{attribution.estimator} does not use it; leave it out")
            )
        elif value is not None:
            entry = config.coalitions[value.split("/")[1]]
            if entry.distribution != endpoint:
                found.append(
                    _problem(key, value, f"must name coalitions of distribution {endpoint}")
                )
    return found
