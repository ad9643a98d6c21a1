"""Every key of the configuration, its default, its range and what is said of it to users."""

import typing
from collections.abc import Collection
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)

from diffcredit.config.messages import choices
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
            raise ValueError(choices(value, list(entries)))
        return value

    return Annotated[str, BeforeValidator(check)]


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
    contributors: Count | Literal["subfolder", "label", "image"] | CsvContributors = Field(
        12,
        description="a number (images are dealt), subfolder, label, image (each its own), or "
        "{csv: ..., column: ...}",
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
    sampling: Literal["kernel", "leverage"] = Field(
        "kernel", description="kernel, or leverage: every size from 1 to N-1 alike, then weighted"
    )


class Uniform(Section):
    """Each contributor is kept with probability 1/2."""

    distribution: Literal["uniform"]
    count: Count = Field(48, description="number of coalitions, 1 or more")
    paired: bool = Field(True, description="true: each coalition is followed by its complement")


class Datamodel(Section):
    """Uniform among the coalitions of floor(alpha N) contributors."""

    distribution: Literal["datamodel"]
    count: Count = Field(16, description="number of coalitions, 1 or more")
    alpha: Fraction = Field(0.5, description="fraction of contributors kept, above 0, below 1")


class LeaveOneOut(Section):
    """Everybody but one: coalition number i lacks contributor i."""

    distribution: Literal["leave_one_out"]
    count: Count | None = Field(None, description="number of contributors, where it is not known")


class AddOneIn(Section):
    """One contributor alone: coalition number i is contributor i."""

    distribution: Literal["add_one_in"]
    count: Count | None = Field(None, description="number of contributors, where it is not known")


class Listed(Section):
    """Coalitions listed in a file."""

    distribution: Literal["file"]
    path: str = Field(
        description="a .csv table (a column of 0 and 1 for each contributor) or .jsonl lines "
        "(lists of the kept contributors)"
    )
    count: Count | None = Field(
        None, description="the first so many of the list, 1 or more; all where left out"
    )
    drawn: Literal["uniform", "shapley"] = Field(
        "uniform",
        description="what Shapley and Banzhaf values take the list to be drawn from: uniform (all "
        "coalitions alike) or shapley (the kernel)",
    )


class Everyone(Section):
    """All contributors: v(all)."""

    distribution: Literal["full"]
    count: Count = Field(3, description="independent repetitions, 1 or more")


class Nobody(Section):
    """No contributors: v(none), the untrained network."""

    distribution: Literal["none"]
    count: Count = Field(3, description="independent repetitions, 1 or more")


Distribution = Annotated[
    Shapley | Uniform | Datamodel | LeaveOneOut | AddOneIn | Listed | Everyone | Nobody,
    Field(discriminator="distribution"),
]

DISTRIBUTIONS: dict[str, type[Section]] = {
    typing.get_args(member.model_fields["distribution"].annotation)[0]: member
    for member in typing.get_args(typing.get_args(Distribution)[0])
}


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
    corrections: Reference | None = Field(
        None,
        description="exact approach/coalitions that correct the values of a two-level estimator; "
        "the approach of its values makes the same coalitions",
    )

    @property
    def references(self) -> dict[str, str]:
        """Every approach/coalitions that it is computed from, by role.

        Besides those named: ``cheap``, the coalitions of the corrections by the approach of the
        values, and ``exact_full``, v(all) by the approach of the corrections.
        """
        roles = ("values", "full", "none", "corrections")
        named = {role: value for role in roles if (value := getattr(self, role)) is not None}
        if self.corrections is None:
            return named
        exact, few = self.corrections.split("/")
        derived = {"cheap": f"{self.values.split('/')[0]}/{few}"}
        if self.full is not None:
            derived["exact_full"] = f"{exact}/{self.full.split('/')[1]}"
        return named | derived


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
