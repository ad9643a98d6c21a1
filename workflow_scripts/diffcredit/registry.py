"""Every building block that a configuration can name, by kind: name -> "module:class".

One line here and one file make a new objective, measure or dataset known to the configuration and
to the workflow. What a building block needs and which options it has stands in its class, see
`diffcredit.config.options`. Classes are imported when they are first asked for.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, cast

if TYPE_CHECKING:
    from diffcredit.attribution.estimator import Estimator
    from diffcredit.attribution.gradients.functions import GradientFunction
    from diffcredit.attribution.image_scores.method import ScoreMethod
    from diffcredit.behaviors.extractor import Extractor
    from diffcredit.behaviors.measure import Measure
    from diffcredit.coalitions.distribution import Distribution
    from diffcredit.data.dataset import Dataset
    from diffcredit.models.families.family import Family
    from diffcredit.models.pruning.pruner import Pruner
    from diffcredit.training.objectives.objective import Objective
    from diffcredit.training.optimizers.optimizer import Optimizer
    from diffcredit.training.parameters.parameters import Parameters
    from diffcredit.training.schedules.schedule import Schedule

#: Which values of a behavior are good for the model; None where neither more nor less is.
Better = Literal["lower", "higher"] | None

Block = TypeVar("Block")


class Table(Mapping[str, type[Block]], Generic[Block]):
    """The building blocks of one kind, by name.

    Args:
        kind: how messages call one of them.
        base: "module:class" from which they derive, relative to the library.
        targets: name -> "module:class", relative to the library, or the class itself.
    """

    #: How many building blocks extensions have registered so far, of all kinds.
    additions = 0

    def __init__(self, kind: str, base: str, targets: Mapping[str, str | type[Block]]):
        self.kind, self._base = kind, base
        self._targets = dict(targets)
        self._library = frozenset(targets)

    @property
    def base(self) -> Any:
        """The class from which the building blocks derive."""
        return _imported(self._base)

    def __getitem__(self, name: str) -> type[Block]:
        """The class of a name, imported where it is not yet."""
        target = self._targets[name]
        return _imported(target) if isinstance(target, str) else target

    def __contains__(self, name: object) -> bool:
        return name in self._targets

    def __iter__(self) -> Iterator[str]:
        return iter(self._targets)

    def __len__(self) -> int:
        return len(self._targets)

    def file(self, name: str) -> str | None:
        """The file of a building block, relative to the library; None for one of an extension."""
        target = self._targets[name]
        if not isinstance(target, str):
            return None
        return f"{target.split(':')[0].replace('.', '/')}.py"

    def add(self, name: str, block: type[Block]) -> None:
        """Register a building block of an extension; see `diffcredit.extensions`.

        Raises:
            TypeError: if it is no building block of this kind, or its options are none.
            ValueError: if the library has one of this name.
        """
        base: Any = self.base
        if not (isinstance(block, type) and issubclass(block, base)):
            raise TypeError(f"{name}: {self.kind}: it must derive from {base.__name__}")
        if not issubclass(cast(Any, block).Options, _imported("config.options:Options")):
            raise TypeError(f"{name}: its class Options derives from {base.__name__}.Options")
        if name in self._library:
            raise ValueError(f"{name}: there is a {self.kind} of this name; choose another one")
        self._targets[name] = block
        Table.additions += 1

    def remove(self, name: str) -> None:
        """Forget a building block."""
        del self._targets[name]


def _imported(target: str) -> Any:
    """The class "module:class" of the library."""
    module, attribute = target.split(":")
    return getattr(import_module(f"diffcredit.{module}"), attribute)


DATASETS: "Table[Dataset]" = Table(
    "dataset",
    "data.dataset:Dataset",
    {
        "digits": "data.digits:Digits",
        "folder": "data.folder:Folder",
        "cifar10": "data.cifar10:Cifar10",
        "mnist": "data.mnist:Mnist",
        "fashion_mnist": "data.mnist:FashionMnist",
    },
)
DISTRIBUTIONS: "Table[Distribution]" = Table(
    "removal distribution",
    "coalitions.distribution:Distribution",
    {
        "shapley": "coalitions.shapley:Shapley",
        "uniform": "coalitions.uniform:Uniform",
        "datamodel": "coalitions.datamodel:Datamodel",
        "leave_one_out": "coalitions.single:LeaveOneOut",
        "add_one_in": "coalitions.single:AddOneIn",
        "file": "coalitions.listed:Listed",
        "full": "coalitions.endpoints:Everyone",
        "none": "coalitions.endpoints:Nobody",
    },
)
OBJECTIVES: "Table[Objective]" = Table(
    "objective",
    "training.objectives.objective:Objective",
    {
        "denoise": "training.objectives.denoise:Denoise",
        "gradient_ascent": "training.objectives.gradient_ascent:GradientAscent",
        "siss": "training.objectives.siss:Siss",
        "siss_two_pass": "training.objectives.siss_two_pass:SissTwoPass",
        "siss_bernoulli": "training.objectives.siss_bernoulli:SissBernoulli",
        "erase_diff": "training.objectives.erase_diff:EraseDiff",
        "influence": "training.objectives.influence:Influence",
    },
)
#: Kinds of diffusion models; see `diffcredit.models.families`.
FAMILIES: "Table[Family]" = Table(
    "model family", "models.families.family:Family", {"pixel": "models.families.pixel:Pixel"}
)
OPTIMIZERS: "Table[Optimizer]" = Table(
    "optimizer",
    "training.optimizers.optimizer:Optimizer",
    {
        "adam": "training.optimizers.adam:Adam",
        "adamw": "training.optimizers.adamw:AdamW",
        "adam8bit": "training.optimizers.adam8bit:Adam8bit",
    },
)
#: How the learning rate goes on after the warm-up.
SCHEDULES: "Table[Schedule]" = Table(
    "learning-rate schedule",
    "training.schedules.schedule:Schedule",
    {
        "cosine": "training.schedules.cosine:CosineSchedule",
        "constant": "training.schedules.constant:ConstantSchedule",
        "linear": "training.schedules.linear:LinearSchedule",
    },
)
PARAMETERS: "Table[Parameters]" = Table(
    "choice of parameters",
    "training.parameters.parameters:Parameters",
    {
        "all": "training.parameters.everything:Everything",
        "lora": "training.parameters.lora:Lora",
    },
)
PRUNERS: "Table[Pruner]" = Table(
    "pruner",
    "models.pruning.pruner:Pruner",
    {
        "magnitude": "models.pruning.magnitude:Magnitude",
        "random": "models.pruning.random_channels:Random",
        "reinit": "models.pruning.random_channels:Reinit",
        "taylor": "models.pruning.taylor:Taylor",
        "diff_pruning": "models.pruning.taylor:DiffPruning",
    },
)
EXTRACTORS: "Table[Extractor]" = Table(
    "extractor",
    "behaviors.extractor:Extractor",
    {
        "classifier": "behaviors.extractors.classifier:ClassifierFeatures",
        "inception": "behaviors.extractors.inception:Inception",
        "clip": "behaviors.extractors.clip:Clip",
        "blip": "behaviors.extractors.blip:Blip",
        "sscd": "behaviors.extractors.sscd:Sscd",
        "pixels": "behaviors.extractors.pixels:Pixels",
    },
)
MEASURES: "Table[Measure]" = Table(
    "measure",
    "behaviors.measure:Measure",
    {
        "fid": "behaviors.fid:Fid",
        "inception_score": "behaviors.inception_score:InceptionScore",
        "entropy": "behaviors.entropy:Entropy",
        "precision": "behaviors.neighbors:Precision",
        "recall": "behaviors.neighbors:Recall",
        "diversity": "behaviors.diversity:Diversity",
        "aesthetic": "behaviors.aesthetic:Aesthetic",
        "clip_prompt": "behaviors.clip_prompt:ClipPrompt",
        "clip_iqa": "behaviors.clip_iqa:ClipIqa",
        "mse": "behaviors.pixel_error:Mse",
        "nrmse": "behaviors.pixel_error:Nrmse",
        "ssim": "behaviors.ssim:Ssim",
        "similarity": "behaviors.similarity:Similarity",
        "denoising_loss": "behaviors.denoising_loss:DenoisingLoss",
        "reconstruction": "behaviors.reconstruction:Reconstruction",
        "occurrence": "behaviors.occurrence:Occurrence",
        "likelihood": "behaviors.likelihood:Likelihood",
    },
)
ESTIMATORS: "Table[Estimator]" = Table(
    "removal estimator",
    "attribution.estimator:Estimator",
    {
        "shapley_constrained": "attribution.shapley:ShapleyConstrained",
        "shapley_ridge": "attribution.shapley:ShapleyRidge",
        "shapley_ridge_free": "attribution.shapley:ShapleyRidgeFree",
        "two_level": "attribution.two_level:TwoLevel",
        "two_level_free": "attribution.two_level:TwoLevelFree",
        "banzhaf": "attribution.banzhaf:Banzhaf",
        "banzhaf_ridge": "attribution.banzhaf:BanzhafRidge",
        "datamodel_ridge": "attribution.datamodel:DatamodelRidge",
        "datamodel_lasso": "attribution.datamodel:DatamodelLasso",
        "leave_one_out": "attribution.marginal:LeaveOneOutEstimator",
        "add_one_in": "attribution.marginal:AddOneInEstimator",
    },
)
#: Functions of a prediction whose gradients are features of an image.
FUNCTIONS: "Table[GradientFunction]" = Table(
    "function of a prediction",
    "attribution.gradients.functions:GradientFunction",
    {
        "loss": "attribution.gradients.functions:Loss",
        "squared_norm": "attribution.gradients.functions:SquaredNorm",
        "mean": "attribution.gradients.functions:Mean",
        "l1": "attribution.gradients.functions:L1",
        "l2": "attribution.gradients.functions:L2",
        "linf": "attribution.gradients.functions:Linf",
        "elbo": "attribution.gradients.functions:Elbo",
    },
)
#: Methods that score single training images for queries.
SCORES: "Table[ScoreMethod]" = Table(
    "method that scores images",
    "attribution.image_scores.method:ScoreMethod",
    {
        "trak": "attribution.gradients.scores:Trak",
        "journey_trak": "attribution.gradients.scores:JourneyTrak",
        "relative_influence": "attribution.gradients.scores:RelativeInfluence",
        "renormalized_influence": "attribution.gradients.scores:RenormalizedInfluence",
        "das": "attribution.gradients.scores:Das",
        "tracin": "attribution.similarity.vectors:TracIn",
        "gas": "attribution.similarity.vectors:Gas",
        "ekfac": "attribution.gradients.ekfac:Ekfac",
        "dot": "attribution.similarity.vectors:Dot",
        "cosine": "attribution.similarity.vectors:Cosine",
        "distance": "attribution.similarity.vectors:Distance",
        "patches": "attribution.similarity.patches:Patches",
    },
)


def registered() -> int:
    """How many building blocks extensions have registered so far."""
    return Table.additions


def build(table: Table[Any], settings: Mapping[str, Any], *prepared_with: Any) -> Any:
    """A building block from its name and its options.

    Args:
        table: one of those above.
        settings: such as {"name": "gradient_ascent", "ga_ratio": 4.0}.
        *prepared_with: see `diffcredit.config.options.Implementation`.
    """
    options = {key: value for key, value in settings.items() if key not in ("name", "code")}
    return table[settings["name"]](*prepared_with, **options)
