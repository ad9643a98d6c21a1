"""Every named building block that a config can ask for, as "module:attribute".

One line here and one file make a new dataset, objective, behavior, pruner or estimator known to the
configuration and to the workflow. Names map to strings and are imported only when they are used,
so that reading a configuration imports neither torch nor diffusers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

from diffcredit.errors import UserError


@dataclass(frozen=True)
class Dataset:
    """A reader of images: where it is, and what it needs.

    Attributes:
        target: "module:attribute".
        folder: whether it reads ``data.path``.
        channels: those of its images; None where they may be gray or color.
        classes: names of its labels, from 0; empty where the user's files tell.
        sizes: images of each label; empty where the user's files tell.
        side: of its square images in pixels; None where the user's files tell.
        contributors: to how many its images are dealt where the user does not say whose they are,
            since nobody's they are otherwise; None where the user must say.
        planted: how many of them are spoiled on purpose unless asked otherwise.
        check: "module:attribute", called with a folder and the splits that are read of it; raises
            `UserError` where their files are not there. "" where the folder alone must be there.
        files: "module:attribute" of what gives the files of ``data.path`` that it reads, called
            with the data's settings, the base folder and a function that reads the first bytes of
            a file; "" where it may read all that are not hidden. Its images are read again when one
            of these has changed.
    """

    target: str
    folder: bool = False
    channels: int | None = None
    classes: tuple[str, ...] = ()
    sizes: tuple[int, ...] = ()
    side: int | None = None
    contributors: int | None = None
    planted: int = 0
    check: str = ""
    files: str = ""

    @property
    def images(self) -> int | None:
        """How many it has; None where the user's files tell."""
        return sum(self.sizes) or None


@dataclass(frozen=True)
class Estimator:
    """A removal estimator: where it is, and what it needs.

    Attributes:
        target: "module:attribute".
        endpoints: those of v(all) ("full") and v(none) ("none") that it needs.
        weights: distribution that its values are defined by, to which coalitions of others are
            weighted; none where all coalitions count alike.
        distribution: the only one that it can be fitted on; none where any will do.
        corrections: whether it needs a second table of few retrained coalitions.
    """

    target: str
    endpoints: tuple[str, ...] = ()
    weights: str | None = None
    distribution: str | None = None
    corrections: bool = False


@dataclass(frozen=True)
class Extractor:
    """A feature extractor: where it is, and what it gives of images.

    Attributes:
        target: called with the place of its weights and a device.
        gives: "features"; "probabilities" of classes; "clip", features that the aesthetic heads
            were trained on; "texts", features that texts have, too.
    """

    target: str
    gives: tuple[str, ...] = ("features",)


#: Which values of a behavior are good for the model; None where neither more nor less is.
Better = Literal["lower", "higher"] | None


@dataclass(frozen=True)
class Measure:
    """A measure: where it is, what it needs, and what it compares.

    Attributes:
        target: a class; see `diffcredit.behaviors`.
        needs: what its extractor must give; None where it sees no more than the pixels.
        better: which way is good for the model. Of one that compares with the full model's image:
            which way is nearer to it, so that contributors are credited with the image as it is.
            Of queries: which way a model knows them better. None where neither way is good.
        compares: with the "reference" images, to one value; with those of the "full" model from
            the same initial noises, to a value for each; with "queries", given images, to a value
            for each.
        of: what is compared, "samples" of the model or the "model" itself.
    """

    target: str
    needs: str | None
    better: Better
    compares: Literal["reference", "full", "queries"] = "reference"
    of: Literal["samples", "model"] = "samples"


@dataclass(frozen=True)
class Score:
    """A score of training images for queries: where it is, and what it is made of.

    Attributes:
        target: of gradients and features: called with (q, Z) queries and (n, Z) training images, or
            with their `Spectrum`, a damping (and residuals); gives (q, n). Of pixels and the
            model: see `similarity.patches` and `gradients.ekfac`.
        of: "gradients", features of an entry of gradients; "features" of an extractor; "pixels";
            "model", the network itself.
        dampings: the grid that is tried where the configuration names none; empty for a method
            without a damping.
        groups: how the scores of a contributor's images come together where the configuration
            does not say: "sum", or "mean" where a sum would count images.
        residuals: whether it needs the training images' residuals, too.
        trajectory: whether the gradients of queries are taken on the clean images that are
            predicted along their sampling trajectory.
        rated: whether snapshots count by their learning rates; all alike where not.
    """

    target: str
    of: Literal["gradients", "features", "pixels", "model"]
    dampings: tuple[float, ...] = ()
    groups: Literal["sum", "mean"] = "sum"
    residuals: bool = False
    trajectory: bool = False
    rated: bool = False

    @property
    def damped(self) -> bool:
        """Whether it has a damping."""
        return bool(self.dampings)


#: What runs an objective: many steps of the one loop, or one step that is computed.
LOOP = "diffcredit.training.loop:train"
CLOSED_FORM = "diffcredit.training.closed_form:solve"


@dataclass(frozen=True)
class Objective:
    """What a subset model follows.

    Attributes:
        target: where it is.
        starts: the starts from which it makes sense.
        runner: what runs it, LOOP or CLOSED_FORM.
        instead_of_steps: the option that may give the number of steps; "" for none.
    """

    target: str
    starts: tuple[str, ...] = ("scratch", "full", "pruned")
    runner: str = LOOP
    instead_of_steps: str = ""


Entry = Dataset | Estimator | Extractor | Measure | Objective | Score

CIFAR10 = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
DIGITS = tuple(f"digit {digit}" for digit in range(10))
FASHION_MNIST = (
    "T-shirt/top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)
DATASETS = {
    "digits": Dataset(
        "diffcredit.data.digits:read",
        channels=1,
        classes=DIGITS,
        sizes=(178, 182, 177, 183, 181, 182, 181, 179, 174, 180),
        side=8,
        contributors=12,
        planted=3,
    ),
    "folder": Dataset(
        "diffcredit.data.folder:read", folder=True, files="diffcredit.data.folder:files"
    ),
    "cifar10": Dataset(
        "diffcredit.data.cifar10:read",
        folder=True,
        channels=3,
        classes=CIFAR10,
        side=32,
        contributors=12,
        check="diffcredit.data.cifar10:check",
        files="diffcredit.data.cifar10:files",
    ),
    "mnist": Dataset(
        "diffcredit.data.mnist:read",
        folder=True,
        channels=1,
        classes=DIGITS,
        side=28,
        contributors=12,
        check="diffcredit.data.mnist:check_mnist",
        files="diffcredit.data.mnist:files",
    ),
    "fashion_mnist": Dataset(
        "diffcredit.data.mnist:read",
        folder=True,
        channels=1,
        classes=FASHION_MNIST,
        side=28,
        contributors=12,
        check="diffcredit.data.mnist:check_fashion_mnist",
        files="diffcredit.data.mnist:files",
    ),
}
OBJECTIVES = {
    "denoise": Objective("diffcredit.training.objectives.denoise:Denoise"),
    "gradient_ascent": Objective(
        "diffcredit.training.objectives.gradient_ascent:GradientAscent",
        starts=("full", "pruned"),
        instead_of_steps="ga_ratio",
    ),
    "siss": Objective("diffcredit.training.objectives.siss:Siss", starts=("full", "pruned")),
    "siss_two_pass": Objective(
        "diffcredit.training.objectives.siss_two_pass:SissTwoPass", starts=("full", "pruned")
    ),
    "siss_bernoulli": Objective(
        "diffcredit.training.objectives.siss_bernoulli:SissBernoulli", starts=("full", "pruned")
    ),
    "erase_diff": Objective(
        "diffcredit.training.objectives.erase_diff:EraseDiff", starts=("full", "pruned")
    ),
    "influence": Objective(
        "diffcredit.training.objectives.influence:Influence",
        starts=("full", "pruned"),
        runner=CLOSED_FORM,
    ),
}
#: What runs an objective reads these of it, so that no option is called so.
OF_OBJECTIVES = ("uses_removed", "backward", "change")
PARAMETERS = {
    "all": "diffcredit.training.parameters.everything:Everything",
    "lora": "diffcredit.training.parameters.lora:Lora",
}
PRUNERS = {
    "magnitude": "diffcredit.models.pruning.magnitude:magnitude",
    "random": "diffcredit.models.pruning.drawn:random",
    "reinit": "diffcredit.models.pruning.drawn:reinit",
    "taylor": "diffcredit.models.pruning.taylor:taylor",
    "diff_pruning": "diffcredit.models.pruning.taylor:diff_pruning",
}
EXTRACTORS = {
    "classifier": Extractor(
        "diffcredit.behaviors.extractors.classifier:load", ("features", "probabilities")
    ),
    "inception": Extractor(
        "diffcredit.behaviors.extractors.inception:load", ("features", "probabilities")
    ),
    "clip": Extractor("diffcredit.behaviors.extractors.clip:load", ("features", "clip", "texts")),
    "blip": Extractor("diffcredit.behaviors.extractors.blip:load"),
    "sscd": Extractor("diffcredit.behaviors.extractors.sscd:load"),
    "pixels": Extractor("diffcredit.behaviors.extractors.pixels:load"),
}
MEASURES = {
    "fid": Measure("diffcredit.behaviors.fid:Fid", "features", "lower"),
    "inception_score": Measure(
        "diffcredit.behaviors.inception_score:InceptionScore", "probabilities", "higher"
    ),
    "entropy": Measure("diffcredit.behaviors.entropy:Entropy", "probabilities", "higher"),
    "precision": Measure("diffcredit.behaviors.neighbors:Precision", "features", "higher"),
    "recall": Measure("diffcredit.behaviors.neighbors:Recall", "features", "higher"),
    "diversity": Measure("diffcredit.behaviors.diversity:Diversity", "features", "higher"),
    "aesthetic": Measure("diffcredit.behaviors.aesthetic:Aesthetic", "clip", "higher"),
    "clip_prompt": Measure("diffcredit.behaviors.clip_prompt:ClipPrompt", "texts", "higher"),
    "clip_iqa": Measure("diffcredit.behaviors.clip_iqa:ClipIqa", "texts", "higher"),
    "mse": Measure("diffcredit.behaviors.pixel_error:Mse", None, "lower", "full"),
    "nrmse": Measure("diffcredit.behaviors.pixel_error:Nrmse", None, "lower", "full"),
    "ssim": Measure("diffcredit.behaviors.ssim:Ssim", None, "higher", "full"),
    "similarity": Measure(
        "diffcredit.behaviors.similarity:Similarity", "features", "higher", "full"
    ),
    "denoising_loss": Measure(
        "diffcredit.behaviors.denoising_loss:DenoisingLoss", None, "lower", "queries", of="model"
    ),
    "reconstruction": Measure(
        "diffcredit.behaviors.reconstruction:Reconstruction",
        "features",
        "higher",
        "queries",
        of="model",
    ),
    "occurrence": Measure(
        "diffcredit.behaviors.occurrence:Occurrence", "features", "higher", "queries"
    ),
    "likelihood": Measure(
        "diffcredit.behaviors.likelihood:Likelihood", None, "lower", "queries", of="model"
    ),
}
ESTIMATORS = {
    "shapley_constrained": Estimator(
        "diffcredit.attribution.shapley:constrained", ("full", "none"), weights="shapley"
    ),
    "shapley_ridge": Estimator(
        "diffcredit.attribution.shapley:ridge", ("full", "none"), weights="shapley"
    ),
    "shapley_ridge_free": Estimator(
        "diffcredit.attribution.shapley:ridge_free", ("full",), weights="shapley"
    ),
    "two_level": Estimator(
        "diffcredit.attribution.two_level:ridge",
        ("full", "none"),
        weights="shapley",
        corrections=True,
    ),
    "two_level_free": Estimator(
        "diffcredit.attribution.two_level:ridge_free",
        ("full",),
        weights="shapley",
        corrections=True,
    ),
    "banzhaf": Estimator("diffcredit.attribution.banzhaf:least_squares", weights="uniform"),
    "banzhaf_ridge": Estimator("diffcredit.attribution.banzhaf:ridge", weights="uniform"),
    "datamodel_ridge": Estimator("diffcredit.attribution.datamodel:ridge"),
    "datamodel_lasso": Estimator("diffcredit.attribution.datamodel:lasso"),
    "leave_one_out": Estimator(
        "diffcredit.attribution.marginal:leave_one_out", ("full",), distribution="leave_one_out"
    ),
    "add_one_in": Estimator(
        "diffcredit.attribution.marginal:add_one_in", ("none",), distribution="add_one_in"
    ),
}
#: Functions of a prediction whose gradients are features.
FUNCTIONS = {
    "loss": "diffcredit.attribution.gradients.functions:loss",
    "squared_norm": "diffcredit.attribution.gradients.functions:squared_norm",
    "mean": "diffcredit.attribution.gradients.functions:mean",
    "l1": "diffcredit.attribution.gradients.functions:l1",
    "l2": "diffcredit.attribution.gradients.functions:l2",
    "linf": "diffcredit.attribution.gradients.functions:linf",
    "elbo": "diffcredit.attribution.gradients.functions:elbo",
}
#: As many as Zheng et al. 2024 (arXiv 2311.00500) try: 1, 2 and 5 times powers of 10. The unit is
#: the squared length of a gradient, which our projections keep. Theirs to Z numbers make it Z times
#: as large: their best ones, 20 to 100 for TRAK and 2,000 for D-TRAK, are 0.0006 to 0.06 here for
#: Z = 32,768, and 0.04 to 4 for Z = 512.
DAMPINGS = tuple(digit * 10.0**power for power in range(-5, 4) for digit in (1, 2, 5))
SCORES = {
    "trak": Score("diffcredit.attribution.gradients.scores:trak", "gradients", dampings=DAMPINGS),
    "journey_trak": Score(
        "diffcredit.attribution.gradients.scores:trak",
        "gradients",
        dampings=DAMPINGS,
        trajectory=True,
    ),
    "relative_influence": Score(
        "diffcredit.attribution.gradients.scores:relative_influence", "gradients", dampings=DAMPINGS
    ),
    "renormalized_influence": Score(
        "diffcredit.attribution.gradients.scores:renormalized_influence",
        "gradients",
        dampings=DAMPINGS,
    ),
    "das": Score(
        "diffcredit.attribution.gradients.scores:das",
        "gradients",
        dampings=DAMPINGS,
        residuals=True,
    ),
    "tracin": Score("diffcredit.attribution.similarity.vectors:dot", "gradients", rated=True),
    "gas": Score("diffcredit.attribution.similarity.vectors:cosine", "gradients", rated=True),
    "ekfac": Score(
        "diffcredit.attribution.gradients.ekfac:fit",
        "model",
        dampings=(1e-7, 1e-6, 1e-5, 1e-4, 1e-3),
    ),
    "dot": Score("diffcredit.attribution.similarity.vectors:dot", "features", groups="mean"),
    "cosine": Score("diffcredit.attribution.similarity.vectors:cosine", "features", groups="mean"),
    "distance": Score(
        "diffcredit.attribution.similarity.vectors:distance", "features", groups="mean"
    ),
    "patches": Score("diffcredit.attribution.similarity.patches:patch_weights", "pixels"),
}


def load(entries: Mapping[str, str | Entry], name: str) -> Any:
    """Import the building block ``name`` of one of the tables above."""
    entry = entries[name]
    return load_target(entry if isinstance(entry, str) else entry.target)


def build(entries: Mapping[str, str | Objective], settings: Mapping[str, Any], *given: Any) -> Any:
    """Call a building block with what is given, and its options.

    Args:
        entries: one of the tables above.
        settings: its name and its options, such as {"name": "gradient_ascent", "ga_ratio": 4}.
        given: arguments that come before the options.

    Raises:
        UserError: if an option would hide a method of the building block.
    """
    options = {key: value for key, value in settings.items() if key != "name"}
    block = load(entries, settings["name"])
    hidden = [name for name in options if callable(getattr(block, name, None))]
    if isinstance(block, type) and hidden:
        raise UserError(
            f"{settings['name']}: its option {hidden[0]} has the name of a method of "
            f"{block.__name__}\n    Hint: rename the option, in its section and in {block.__name__}"
        )
    return block(*given, **options)


def load_target(target: str) -> Any:
    """Import "module:attribute"."""
    module, attribute = target.split(":")
    return getattr(import_module(module), attribute)


#: Kinds of diffusion models; see `diffcredit.models.families`.
FAMILIES = {"pixel": "diffcredit.models.families.pixel:Pixel"}
#: What makes steps of gradients; see `diffcredit.training.optimizers`.
OPTIMIZERS = {
    "adam": "diffcredit.training.optimizers.adam:adam",
    "adamw": "diffcredit.training.optimizers.adamw:adamw",
    "adam8bit": "diffcredit.training.optimizers.adam8bit:adam8bit",
}
#: How the learning rate goes on after the warm-up; see `diffcredit.training.schedules`.
SCHEDULES = {
    "cosine": "diffcredit.training.schedules.cosine:cosine",
    "constant": "diffcredit.training.schedules.constant:constant",
    "linear": "diffcredit.training.schedules.linear:linear",
}
