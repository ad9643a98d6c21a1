"""Every key of the configuration, its default, its range and what is said of it to users."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from diffcredit.config.behaviors import Behavior
from diffcredit.config.image_scores import Gradients, Score
from diffcredit.config.sections import (
    Class,
    Count,
    Fraction,
    HubName,
    Name,
    Natural,
    Place,
    Rate,
    Real,
    Reference,
    Section,
    Several,
    VisibleText,
    changed,
    named,
    one_of,
    optional,
)
from diffcredit.config.unlearning import Unlearning
from diffcredit.registry import (
    DATASETS,
    ESTIMATORS,
    EXTRACTORS,
    OBJECTIVES,
    OF_OBJECTIVES,
    PRUNERS,
    Better,
)


class CsvContributors(Section):
    """Contributors named in a table beside the images."""

    csv: Place = Field(description="path of the CSV table, relative to data.path")
    column: str = Field(description="column that names the contributor of each image")
    file: str = Field("file", description="column with the image's path, relative to data.path")


class Planted(Section):
    """Contributors whose images are spoiled on purpose, so that the truth about them is known."""

    contributors: Natural = Field(
        0,
        description="how many contributors are planted; 0 for none; null: 3 of the digits, else 0",
    )
    noise: Rate = Field(
        0.9, description="sd of the noise on their images, above 0; pixels span [-1, 1]"
    )


#: Name of the contributor of the injected image; no other may have it.
INJECTED = "injected"


class Injected(Section):
    """One image, many times over, of a contributor of its own: the last one, named injected."""

    image: Natural | Place = Field(
        description="the name or number of a training image, from 0, or the path of an image file"
    )
    copies: Count = Field(40, description="how often it is trained on in a pass, 1 or more")


_WITH_FOLDER = [name for name, entry in DATASETS.items() if entry.folder]
_SIDES = ", ".join(f"{name} {entry.side}" for name, entry in DATASETS.items() if entry.side)
#: The demonstration, whose defaults stand here; those of other sources are in the registry.
_DIGITS = DATASETS["digits"]


Level = Annotated[int, Field(ge=0, le=255)]


def as_rgb(color: str | int | tuple[int, ...] | list[int]) -> tuple[int, int, int]:
    """Red, green and blue of a name of CSS, a gray level or the three of them.

    Raises:
        ValueError: for an unknown name.
    """
    from PIL import ImageColor

    if isinstance(color, str):
        red, green, blue, *_ = ImageColor.getrgb(color)
    else:
        red, green, blue = (color,) * 3 if isinstance(color, int) else color
    return red, green, blue


def _known_color(value: Any) -> Any:
    """A name that no color has is told with what is accepted."""
    if isinstance(value, str):
        try:
            as_rgb(value)
        except ValueError:
            raise ValueError(
                "must be a name of CSS as white or black, #rrggbb, a gray level from 0 to 255, or "
                "[red, green, blue], each from 0 to 255"
            ) from None
    return value


Background = Annotated[
    str | Level | Annotated[list[Level], Field(min_length=3, max_length=3)],
    BeforeValidator(_known_color),
]


class Data(Section):
    """The training images and whose they are."""

    source: one_of(DATASETS) = Field(  # type: ignore[valid-type]
        "digits", description=f"one of: {', '.join(DATASETS)}"
    )
    path: Place | None = Field(
        None,
        description=f"folder of the images, for source {' or '.join(_WITH_FOLDER)}",
    )
    image_size: Count = Field(
        8,
        description="side of the square images in pixels, 1 or more; null: that of the source "
        f"({_SIDES}; folder has none)",
        examples=[32],
    )
    channels: Literal[1, 3] = Field(
        1,
        description="1 (gray) or 3 (color); null: those of the source (folder has none)",
        examples=[3],
    )
    contributors: Count | Literal["subfolder", "label", "image"] | CsvContributors = Field(
        12,
        description="a number (images are dealt), subfolder, label, image (each its own), or "
        "{csv: ..., column: ...}; null: 12, but of a folder, which has no default",
        examples=["image"],
    )
    concentration: Rate = Field(
        0.4, description="Dirichlet concentration of the deal over labels, above 0"
    )
    held_out: Natural = Field(
        0, description="images that nobody contributes and no model sees, 0 or more"
    )
    images: Count | None = Field(
        None, description="images to draw from those not held out, 1 or more; null for all"
    )
    labels: Annotated[list[Class | str], Field(min_length=1)] | None = Field(
        None, description="a list of classes to keep, by number from 0 or by name; null for all"
    )
    background: Background = Field(
        "white",
        description="color behind transparent images: a name of CSS as white, a gray level from 0 "
        "to 255, or [red, green, blue]",
    )
    planted: Planted = Field(
        Planted(contributors=_DIGITS.planted),
        description="a section with contributors (0 for none) and noise",
    )
    injected: Injected | None = Field(
        None, description="a section with image and copies; null for none"
    )

    @model_validator(mode="before")
    @classmethod
    def _defaults_of_the_source(cls, given: Any) -> Any:
        """Written out, so that those of the demonstration are no other source's."""
        if not isinstance(given, dict):
            return given
        source = given.get("source", "digits")
        # Of an unknown source nothing else is to be said.
        entry = DATASETS.get(source, _DIGITS) if isinstance(source, str) else _DIGITS
        defaults = {
            "image_size": entry.side,
            "channels": entry.channels,
            "contributors": entry.contributors,
        }
        filled: dict[str, Any] = {
            key: value for key, value in defaults.items() if given.get(key) is None
        }
        planted = given.get("planted") or {}
        if isinstance(planted, dict) and planted.get("contributors") is None:
            filled["planted"] = planted | {"contributors": entry.planted}
        return given | filled

    @property
    def background_color(self) -> tuple[int, int, int]:
        """Red, green and blue behind transparent images, each from 0 to 255."""
        return as_rgb(self.background)


class Classifier(Section):
    """The small network whose features and predictions measure the samples."""

    channels: Count = Field(32, description="channels of the first layer, 1 or more")
    features: Several = Field(64, description="size of the feature vector, 2 or more")
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
    head_dim: Count | Literal["channels"] = Field(
        8, description="channels of one attention head, 1 or more; channels: one head has them all"
    )
    scale_shift: bool = Field(
        False, description="true: the timestep scales and shifts features; false: it is added"
    )
    freq_shift: Natural = Field(
        0, description="shift of the frequencies of the timestep's embedding, 0 or more"
    )
    flip_sin_to_cos: bool = Field(
        True, description="true: the cosines of the timestep's embedding come first; false: last"
    )
    downsample_padding: Literal[0, 1] = Field(
        1, description="1: halving pads all four sides; 0: below and to the right alone"
    )
    norm_eps: Rate = Field(1e-5, description="added to the variance in norms, above 0")
    dropout: Annotated[Real, Field(ge=0, lt=1)] = Field(
        0.0, description="fraction of features dropped while training, at least 0, below 1"
    )
    timesteps: Several = Field(1000, description="noise levels, 2 or more")


class Ema(Section):
    """Moving average of the weights: decay(k) = min(max_decay, 1 - (1 + k/gamma)^-power)."""

    inverse_gamma: Rate = Field(1.0, description="a number above 0")
    power: Rate = Field(0.75, description="a number above 0")
    max_decay: Annotated[Real, Field(ge=0, lt=1)] = Field(
        0.9999, description="at least 0, below 1; 0: the weights themselves, no average"
    )
    continued: bool = Field(
        False,
        description="true: k goes on from the steps of the model that a training starts from; "
        "false: from 0",
    )


Beta = Annotated[Real, Field(ge=0, lt=1)]


class Training(Section):
    """The one training loop, as every model uses it."""

    batch_size: Annotated[int, Field(ge=2, multiple_of=2)] = Field(
        64, description="images in a step, an even number"
    )
    random_flip: bool = Field(
        False, description="true: each image is mirrored left to right with probability 1/2"
    )
    antithetic: bool = Field(
        True, description="true: half of a step's timesteps mirror the other half; false: all drawn"
    )
    learning_rate_schedule: Literal["cosine", "constant"] = Field(
        "cosine", description="learning rate after the warm-up: cosine (down to 0) or constant"
    )
    warmup_steps: Natural = Field(10, description="steps of linear warm-up, 0 or more")
    adam_betas: Annotated[list[Beta], Field(min_length=2, max_length=2)] = Field(
        [0.9, 0.999], description="Adam's two decays, each at least 0 and below 1"
    )
    adam_epsilon: Rate = Field(
        1e-8, description="added to the root of Adam's second moment, above 0"
    )
    weight_decay: Annotated[Real, Field(ge=0)] = Field(
        0.0, description="decoupled weight decay, 0 or more: above 0 Adam is AdamW"
    )
    gradient_clip: Rate = Field(
        1.0, description="largest gradient norm of losses that are means over values, above 0"
    )
    gradient_accumulation: Count = Field(
        1, description="parts in which a step's batch is computed; divides batch_size / 2"
    )
    mixed_precision: Literal["no", "fp16", "bf16"] = Field("no", description="no, fp16 or bf16")
    ema: Ema = Ema()


#: Keys of training that differ for the models of one approach; None where one does not.
TrainingChanges = optional(Training)


class Full(Section):
    """The model trained on everything."""

    pretrained: Place | None = Field(
        None,
        description="folder of a model that was trained elsewhere, in diffusers' format or of "
        "diffcredit; null trains one",
    )
    steps: Count = Field(400, description="training steps, 1 or more")
    learning_rate: Rate = Field(5e-3, description="a number above 0")
    models: Count = Field(
        1, description="trainings, the first of which is the full model; 1 or more"
    )
    snapshots: Count = Field(
        1, description="models kept along a training, evenly apart; the last is its end; 1 to steps"
    )


class Taylor(Section):
    """Channels whose removal changes the denoising loss least, to first order."""

    name: Literal["taylor"] = Field(description="taylor")
    images: Count = Field(64, description="training images that gradients are taken on, 1 or more")


class DiffPruning(Section):
    """The same by absolute values, over the first noise levels alone."""

    name: Literal["diff_pruning"] = Field(description="diff_pruning")
    images: Count = Field(64, description="training images that gradients are taken on, 1 or more")
    threshold: Fraction = Field(
        0.05,
        description="noise levels end where the loss is below this fraction of the largest, "
        "above 0 and below 1",
    )
    stopping_level: bool = Field(
        True,
        description="true: the noise level at which they end counts, too, as in the published "
        "code; false: those before it alone, as in the paper's formula",
    )


class Pruned(Section):
    """The full model with channels removed, fine-tuned on everything."""

    pruner: named(PRUNERS, Taylor, DiffPruning) = Field(  # type: ignore[valid-type]
        "magnitude",
        validate_default=True,
        description=f"one of: {', '.join(PRUNERS)}; or {{name: ..., its options}}",
    )
    target: Literal["channels", "parameters", "multiply_adds"] = Field(
        "channels",
        description="what ratio is a fraction of: channels (of each layer, rounded up to whole "
        "norm groups), parameters or multiply_adds (of the network)",
    )
    ratio: Fraction = Field(
        0.2, description="fraction of the target to remove, above 0 and below 1"
    )
    steps: Natural = Field(200, description="fine-tuning steps, 0 or more")
    learning_rate: Rate = Field(3e-3, description="a number above 0")


class Until(Section):
    """When there are coalitions enough; count is the budget."""

    attribution: Name = Field(description="attribution that is fitted on the coalitions")
    behavior: Name = Field(description="behavior that it explains")
    standard_error: Rate | None = Field(
        None, description="largest standard error of a value, above 0; null for no such demand"
    )
    stability: Annotated[Real, Field(gt=0, le=1)] | None = Field(
        None,
        description="least rank correlation with the values before the last shard, above 0, "
        "at most 1; null for no such demand",
    )


UNTIL = Field(None, description="a section with attribution and behavior; null for all of count")


class Shapley(Section):
    """P(s) ~ (N-1) / (s (N-s)), then uniform given the size: the kernel of KernelSHAP."""

    distribution: Literal["shapley"]
    count: Count = Field(80, description="number of coalitions, 1 or more")
    paired: bool = Field(True, description="true: each coalition is followed by its complement")
    balanced: bool = Field(
        False,
        description="true: each contributor is in coalitions as large on average as everybody "
        "else's, which needs paired; false: pairs are independent",
    )
    sampling: Literal["kernel", "leverage"] = Field(
        "kernel", description="kernel, or leverage: every size from 1 to N-1 alike, then weighted"
    )
    until: Until | None = UNTIL


class Uniform(Section):
    """Each contributor is kept with probability 1/2."""

    distribution: Literal["uniform"]
    count: Count = Field(48, description="number of coalitions, 1 or more")
    paired: bool = Field(True, description="true: each coalition is followed by its complement")
    until: Until | None = UNTIL


class Datamodel(Section):
    """Uniform among the coalitions of floor(alpha N) contributors."""

    distribution: Literal["datamodel"]
    count: Count = Field(16, description="number of coalitions, 1 or more")
    alpha: Fraction = Field(0.5, description="fraction of contributors kept, above 0, below 1")
    until: Until | None = UNTIL


class LeaveOneOut(Section):
    """Everybody but one: coalition number i lacks contributor i."""

    distribution: Literal["leave_one_out"]
    count: Count | None = Field(
        None, description="the number of contributors, 1 or more; left out where the data tells it"
    )


class AddOneIn(Section):
    """One contributor alone: coalition number i is contributor i."""

    distribution: Literal["add_one_in"]
    count: Count | None = Field(
        None, description="the number of contributors, 1 or more; left out where the data tells it"
    )


class Listed(Section):
    """Coalitions listed in a file."""

    distribution: Literal["file"]
    path: Place = Field(
        description="a .csv table (a column of 0 and 1 for each contributor) or .jsonl lines "
        "(lists of the kept contributors)"
    )
    count: Count | None = Field(
        None, description="the first so many of the list, 1 or more; all where left out"
    )
    drawn: Literal["uniform", "shapley"] = Field(
        "uniform",
        description="uniform (of all coalitions alike) or shapley (from the kernel): what Shapley "
        "and Banzhaf values take the list to be drawn from",
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


class GradientAscent(Section):
    """Minus the denoising loss of the removed images; with a superfactor, NegGrad."""

    name: Literal["gradient_ascent"] = Field(description="gradient_ascent")
    ga_ratio: Rate | None = Field(
        None,
        description="a number above 0, instead of steps: the batches of one pass over the removed "
        "images divided by it, rounded down",
    )
    superfactor: Rate = Field(
        1.0, description="what the gradient is multiplied by before it is clipped, above 0"
    )
    superfactor_decay: Annotated[Real, Field(gt=0, le=1)] = Field(
        1.0, description="what the superfactor is multiplied by after each step, above 0, at most 1"
    )


ScalingNorm = Annotated[
    Rate | Literal["auto"],
    Field(
        description="a number above 0, the norm of the gradient that is subtracted, of a loss that "
        "is a mean over values; or auto, a tenth of that of the retained images' denoising loss at "
        "the start"
    ),
]


class Siss(Section):
    """Subtracted Importance Sampled Scores, both losses of one forward pass."""

    name: Literal["siss"] = Field(description="siss")
    mixture: Annotated[Real, Field(ge=0, le=1)] = Field(
        0.5, description="lambda, fraction of noised images that are of removed ones, from 0 to 1"
    )
    scaling_norm: ScalingNorm = "auto"


class SissBernoulli(Section):
    """SISS without importance weights: each image is a retained or a removed one, by a coin."""

    name: Literal["siss_bernoulli"] = Field(description="siss_bernoulli")
    mixture: Fraction = Field(
        0.5, description="probability of a removed image, above 0 and below 1"
    )
    scaling_norm: ScalingNorm = "auto"


class SissTwoPass(Section):
    """SISS without importance sampling: a forward pass for each of the two losses."""

    name: Literal["siss_two_pass"] = Field(description="siss_two_pass")
    scaling_norm: ScalingNorm = "auto"


class EraseDiff(Section):
    """The retained images' loss, and uniform noise as the target of the removed ones."""

    name: Literal["erase_diff"] = Field(description="erase_diff")
    eta: Rate = Field(
        0.001, description="least share of the removed images' gradient in a step, above 0"
    )


class Influence(Section):
    """Influence unlearning: one step that is computed, with the inverse Fisher matrix."""

    name: Literal["influence"] = Field(description="influence")
    ratio: Rate = Field(0.5, description="how far along the computed step to go, above 0")
    batches: Count | Literal["all"] = Field(
        16,
        description="batches of retained and of removed images that it sees, 1 or more; all: one "
        "pass over the images",
    )
    damping: Rate = Field(1.0, description="added to the diagonal of the Fisher matrix, above 0")
    inverse: Literal["exact", "published"] = Field(
        "exact",
        description="exact: of the damped Fisher matrix; published: one vector of its recursion, "
        "no damping",
    )


class Lora(Section):
    """Low-rank adapters beside the weights, merged into them at the end."""

    rank: Count = Field(16, description="rank of an adapter, 1 or more")
    alpha: Rate = Field(
        32, description="an adapter's output is multiplied by alpha / rank; above 0"
    )
    dropout: Annotated[Real, Field(ge=0, lt=1)] = Field(
        0.05, description="fraction of an adapter's inputs that are dropped, at least 0, below 1"
    )
    layers: Annotated[list[str], Field(min_length=1)] = Field(
        ["to_q", "to_k", "to_v"], description="how the names of the adapted layers end"
    )
    learning_rate_ratio: Rate = Field(
        16, description="LoRA+: rate of the matrices that begin at 0 over that of the others"
    )


class Adapters(Section):
    """Parameters that are trained instead of the network's own."""

    lora: Lora = Field(description="{rank: ..., alpha: ..., dropout: ..., layers: [...]}")


class Approach(Section):
    """How the model of a coalition is made: start x objective x parameters."""

    start: Literal["scratch", "full", "pruned"] = Field(description="scratch, full or pruned")
    objective: named(  # type: ignore[valid-type]
        OBJECTIVES,
        *(GradientAscent, Siss, SissTwoPass, SissBernoulli, EraseDiff, Influence),
        reserved=OF_OBJECTIVES,
    ) = Field(description=f"one of: {', '.join(OBJECTIVES)}; or {{name: ..., its options}}")
    parameters: Literal["all"] | Adapters = Field(
        "all", description="all or {lora: {rank: ..., alpha: ...}}"
    )
    steps: Count | None = Field(
        None, description="training steps, 1 or more; none where the objective gives them"
    )
    learning_rate: Rate | None = Field(None, description="a number above 0; none for a closed form")
    training: TrainingChanges | None = Field(  # type: ignore[valid-type]
        None,
        description="a section with the keys of training that differ for this approach, as "
        "{schedule: constant}; null: none differ",
    )
    coalitions: dict[Name, Count] = Field(
        default_factory=dict,
        description="for each entry of coalitions to be made: the number of training seeds",
    )


class Sampling(Section):
    """Images drawn from each model, from the same initial noises."""

    images: Several = Field(512, description="images of a model, 2 or more")
    steps: Several = Field(10, description="DDIM steps, 2 or more")
    batch_size: Count = Field(128, description="images at a time, 1 or more")


class OwnExtractor(Section):
    """Features without weights from elsewhere: the dataset's own classifier, or the pixels."""

    kind: Literal["classifier", "pixels"] = Field(description=f"one of: {', '.join(EXTRACTORS)}")


class InceptionExtractor(Section):
    """The Inception network of the FID, a published TorchScript file; images resized cleanly."""

    kind: Literal["inception"] = Field(description=f"one of: {', '.join(EXTRACTORS)}")
    path: Place | None = Field(
        None, description="the file inception-2015-12-05.pt; null: in /tmp, where clean-fid has it"
    )


class SscdExtractor(Section):
    """The network of SSCD, which finds copies; a published TorchScript file."""

    kind: Literal["sscd"] = Field(description=f"one of: {', '.join(EXTRACTORS)}")
    path: Place | None = Field(
        None, description="the file sscd_disc_mixup.torchscript.pt; null: nowhere yet"
    )


class HubExtractor(Section):
    """A model in the hub's format: config.json, model.safetensors, a tokenizer for texts."""

    path: Place | None = Field(
        None, description="folder of the model; null: `model` in the local hub cache"
    )
    model: HubName = Field(description="a name on the hub, owner/model")


class ClipExtractor(HubExtractor):
    """The image and text embeddings of a CLIP model."""

    kind: Literal["clip"] = Field(description=f"one of: {', '.join(EXTRACTORS)}")
    model: HubName = Field(
        "openai/clip-vit-large-patch14", description="a name on the hub, owner/model"
    )


class BlipExtractor(HubExtractor):
    """The image embeddings of a BLIP model that answers questions."""

    kind: Literal["blip"] = Field(description=f"one of: {', '.join(EXTRACTORS)}")
    model: HubName = Field("Salesforce/blip-vqa-base", description="a name on the hub, owner/model")


Extractor = Annotated[
    OwnExtractor | InceptionExtractor | ClipExtractor | BlipExtractor | SscdExtractor,
    Field(discriminator="kind"),
]


class Attribution(Section):
    """One value for each contributor and behavior, from an estimator and recorded behaviors."""

    estimator: one_of(ESTIMATORS) = Field(  # type: ignore[valid-type]
        description=f"one of: {', '.join(ESTIMATORS)}"
    )
    values: Reference = Field(description="approach/coalitions, what it is fitted on")
    full: Reference | None = Field(None, description="approach/coalitions, what v(all) is from")
    none: Reference | None = Field(None, description="approach/coalitions, what v(none) is from")
    corrections: Reference | None = Field(
        None,
        description="approach/coalitions, the few retrained ones that correct a two-level "
        "estimator; the approach of its values makes the same coalitions",
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
    average: Literal["correlations", "values"] = Field(
        "correlations",
        description="what is averaged over training seeds: correlations, or values, which are "
        "rank-correlated then",
    )


class Convergence(Section):
    """How LDS and attributions settle as coalitions are added."""

    points: Several = Field(6, description="numbers of coalitions to fit, 2 or more")
    seconds: Rate | None = Field(
        None,
        description="seconds on models that all attributions are compared at, above 0; null: "
        "what the cheapest spends",
    )


#: Name of the coalitions that attributions ask for; no entry of coalitions may have it.
COUNTERFACTUAL = "counterfactual"


class Counterfactual(Section):
    """Models without the contributors that attributions name."""

    approach: Name = Field(description="approach that makes the models")
    full: Reference = Field(description="approach/coalitions, what v(all) is from")
    attributions: Annotated[list[Name], Field(min_length=1)] = Field(
        description="a list of attributions, one or more"
    )
    behaviors: Annotated[list[Name], Field(min_length=1)] = Field(
        description="a list of behaviors, one or more"
    )
    fractions: Annotated[list[Fraction], Field(min_length=1)] = Field(
        [0.25], description="fractions of the contributors, each above 0 and below 1"
    )
    random: Natural = Field(3, description="random removals, 0 or more")
    seeds: Count = Field(2, description="training seeds of each model, 1 or more")


#: Name of the coalitions without the proponents of single images; taken, too.
REGENERATED = "regenerated"


class Regenerated(Section):
    """Single images, drawn again by models without the contributors that helped them most."""

    approach: Name = Field(description="approach that makes the models")
    attributions: Annotated[list[Name], Field(min_length=1)] = Field(
        description="a list of attributions, one or more"
    )
    behavior: Name = Field(
        description="behavior with a value for each generated image, by which contributors help it"
    )
    queries: Count = Field(8, description="generated images, the first ones; 1 or more")
    remove: Count = Field(description="contributors that are removed for an image, 1 or more")
    compared: Annotated[list[Name], Field(min_length=1)] = Field(
        description="a list of behaviors that compare a model's images with the full model's"
    )
    random: Count = Field(2, description="random removals, each for all images; 1 or more")
    seeds: Count = Field(1, description="training seeds of each model, 1 or more")


class Evaluation(Section):
    """How good the attributions are."""

    lds: Lds | None = Field(
        None, description="a section with truth; null where nothing is attributed"
    )
    convergence: Convergence | None = Field(
        Convergence(), description="a section with points, or null for none"
    )
    counterfactual: Counterfactual | None = Field(
        None, description="a section with approach, full, attributions, behaviors; null for none"
    )
    regenerated: Regenerated | None = Field(
        None,
        description="a section with approach, attributions, behavior, remove, compared; null for "
        "none",
    )

    @property
    def truth(self) -> str | None:
        """approach/coalitions of the test models, if any."""
        return self.lds.truth if self.lds else None

    @property
    def average(self) -> str:
        """What the LDS averages over training seeds; dampings are chosen by it without one, too."""
        return self.lds.average if self.lds else "correlations"


#: What stands for an approach in a reference to recorded behaviors.
RECORDS = "records"


class RecordedTable(Section):
    """Behaviors of models that were made elsewhere."""

    path: Place = Field(description="a file of JSON lines, or a .parquet or .csv table")
    where: dict[str, Any] = Field(
        {}, description="key: value, or a list of values, of the records that belong to the table"
    )
    drawn: Distribution = Field(
        description="what its coalitions were drawn from, as an entry of coalitions"
    )


class Records(Section):
    """Behaviors recorded elsewhere, attributed and evaluated without training."""

    contributors: Several = Field(description="their number, 2 or more")
    behaviors: Annotated[list[VisibleText], Field(min_length=1)] = Field(
        description="a list of the keys of behaviors, one or more"
    )
    better: dict[str, Literal["lower", "higher"]] = Field(
        {},
        description="behavior: lower, or higher, for each of which one is better for the model; {} "
        "where that is unknown",
    )
    skip_invalid: bool = Field(
        False, description="true leaves invalid records out; false stops at them"
    )
    tables: Annotated[dict[Name, RecordedTable], Field(min_length=1)] = Field(
        description="one entry or more, each with path and drawn"
    )


class Keep(Section):
    """What stays on disk after the run."""

    models: bool = Field(False, description="true keeps the model of every coalition")
    samples: bool = Field(True, description="true keeps the images of every coalition")


class Execution(Section):
    """How the work is done; nothing here changes a result."""

    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto, cpu or cuda")
    gpus: Count = Field(1, description="GPUs that train the full and the pruned model, 1 or more")
    jobs_per_gpu: Count = Field(1, description="jobs that share a GPU of this machine, 1 or more")
    shard_size: Count = Field(20, description="coalitions that one job makes, 1 or more")
    shard_sizes: dict[Name, Count] = Field(
        {},
        description="coalitions that one job of an approach makes, a multiple of shard_size, "
        "such as {sft: 60}",
    )
    checkpoint_steps: Count = Field(
        100, description="steps between checkpoints that an interrupted training continues from"
    )
    keep: Keep = Keep()


class Config(Section):
    """Everything that a run depends on."""

    experiment: Name = Field("digits", description="letters, digits and _, a letter first")
    seed: Annotated[int, Field(ge=0, lt=2**64)] = Field(
        0, description="a whole number, 0 or more, below 2^64"
    )
    execution: Execution = Execution()
    data: Data = Data()
    classifier: Classifier = Classifier()
    model: Model = Model()
    training: Training = Training()
    full: Full = Full()
    pruned: Pruned = Pruned()
    records: Records | None = Field(None, description="a section, or null to make models")
    coalitions: dict[Name, Distribution]
    approaches: dict[Name, Approach]
    sampling: Sampling = Sampling()
    extractors: dict[Name, Extractor] = Field(
        {
            "classifier": OwnExtractor(kind="classifier"),
            "pixels": OwnExtractor(kind="pixels"),
            "inception": InceptionExtractor(kind="inception"),
            "clip": ClipExtractor(kind="clip"),
            "blip": BlipExtractor(kind="blip"),
            "sscd": SscdExtractor(kind="sscd"),
        }
    )
    behaviors: dict[Name, Behavior]
    unlearning: Unlearning | None = Field(None, description="a section, or null for none")
    gradients: dict[Name, Gradients] = Field(default_factory=dict)
    attributions: dict[Name, Attribution] = Field(default_factory=dict)
    scores: dict[Name, Score] = Field(default_factory=dict)
    evaluation: Evaluation

    @property
    def attributed(self) -> list[str]:
        """Every attribution, by removal and by scores."""
        return [*self.attributions, *self.scores]

    def training_of(self, approach: str) -> Training:
        """How the models of an approach are trained: `training`, and what differs for it."""
        changes = self.approaches[approach].training
        return changed(self.training, changes) if changes else self.training

    def training_key(self, approach: str, key: str) -> str:
        """Where a key of `training_of` is set: in a section of the approach, or in `training`."""
        changes = self.approaches[approach].training
        own = changes is not None and getattr(changes, key) is not None
        return f"approaches.{approach}.training.{key}" if own else f"training.{key}"

    @property
    def better(self) -> dict[str, Better]:
        """Which values of each behavior are good for the model; None where that is unknown."""
        if self.records:
            return {name: self.records.better.get(name) for name in self.records.behaviors}
        return {name: behavior.better for name, behavior in self.behaviors.items()}

    def drawn(self, reference: str) -> Distribution | None:
        """What the coalitions of a reference were drawn from; None where there are none."""
        approach, name = reference.split("/")
        if approach != RECORDS:
            return self.coalitions.get(name)
        table = self.records.tables.get(name) if self.records else None
        return table.drawn if table else None

    def origin(self, reference: str) -> tuple[str, ...]:
        """What the coalitions of a reference come from: equal for names of the same ones."""
        name = reference.split("/")[1]
        if self.records:
            if (table := self.records.tables.get(name)) is None:
                return (name,)  # That there is none is told elsewhere.
            return (str(Path(table.path)), repr(sorted(table.where.items())))
        entry = self.coalitions.get(name)
        return (str(Path(entry.path)),) if isinstance(entry, Listed) else (name,)
