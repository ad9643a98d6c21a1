"""The whole configuration: a section of each file beside this one."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from diffcredit import extensions
from diffcredit.config.approach import Approach
from diffcredit.config.attributions import Attribution, RemovalAttribution, ScoreAttribution
from diffcredit.config.behaviors import Behavior
from diffcredit.config.classifier import Classifier
from diffcredit.config.data import Data
from diffcredit.config.evaluation import Evaluation
from diffcredit.config.execution import Execution
from diffcredit.config.full import Full
from diffcredit.config.gradients import Gradients
from diffcredit.config.options import Options, Registered
from diffcredit.config.places import is_usable
from diffcredit.config.pruned import Pruned
from diffcredit.config.recipe import RecipeKeys
from diffcredit.config.records import RECORDS, Records
from diffcredit.config.sampling import Sampling
from diffcredit.config.sections import Name, Place, Section, changed
from diffcredit.config.training import Training
from diffcredit.config.unlearning import Unlearning
from diffcredit.registry import DISTRIBUTIONS, EXTRACTORS, FAMILIES, Better

if TYPE_CHECKING:
    from diffcredit.behaviors.extractor import ExtractorOptions
    from diffcredit.coalitions.distribution import DistributionOptions
    from diffcredit.models.families.family import FamilyOptions
else:
    DistributionOptions = ExtractorOptions = FamilyOptions = Options


#: The family of models where the section does not say one.
FAMILY = "pixel"


def _with_family(model: Any) -> Any:
    return {"family": FAMILY, **model} if isinstance(model, dict) else model


def _default_family() -> FamilyOptions:
    options: FamilyOptions = FAMILIES[FAMILY].Options(family=FAMILY)
    return options


class Config(Section):
    """Everything that a run depends on."""

    experiment: Name = Field("digits", description="letters, digits and _, a letter first")
    seed: Annotated[int, Field(ge=0, lt=2**64)] = Field(
        0, description="a whole number, 0 or more, below 2^64"
    )
    extensions: list[Place] = Field(
        [], description="a list of Python files with building blocks of your own"
    )
    execution: Execution = Execution()
    data: Data = Field(default_factory=Data, description="a section, such as {source: digits}")
    classifier: Classifier = Classifier()
    model: Annotated[
        FamilyOptions, Registered(FAMILIES, tag="family"), BeforeValidator(_with_family)
    ] = Field(default_factory=_default_family, description="a section, such as {family: pixel}")
    training: Training = Field(default_factory=Training, description="a section, such as {}")
    # Not made here: that would import objectives, whose bases import this.
    full: Full = Field(default_factory=Full, description="a section, such as {steps: 500}")
    pruned: Pruned = Field(default_factory=Pruned, description="a section, such as {ratio: 0.2}")
    records: Records | None = Field(None, description="a section, or null to make models")
    coalitions: dict[
        Name, Annotated[DistributionOptions, Registered(DISTRIBUTIONS, tag="distribution")]
    ]
    approaches: dict[Name, Approach]
    sampling: Sampling = Sampling()
    extractors: dict[Name, Annotated[ExtractorOptions, Registered(EXTRACTORS, tag="kind")]] = Field(
        {name: {"kind": name} for name in EXTRACTORS}, validate_default=True
    )
    behaviors: dict[Name, Behavior]
    unlearning: Unlearning | None = Field(None, description="a section, or null for none")
    gradients: dict[Name, Gradients] = Field(default_factory=dict)
    attributions: dict[Name, Attribution] = Field(default_factory=dict)
    evaluation: Evaluation

    @model_validator(mode="before")
    @classmethod
    def _extended(cls, given: Any) -> Any:
        """The building blocks of extensions are known before anything else is looked at."""
        listed = given.get("extensions") if isinstance(given, dict) else None
        if isinstance(listed, list) and all(map(is_usable, listed)):
            extensions.load(listed)
        return given

    @property
    def removal_attributions(self) -> dict[str, RemovalAttribution]:
        """The attributions that are fitted on coalitions."""
        entries = self.attributions.items()
        return {name: e for name, e in entries if isinstance(e, RemovalAttribution)}

    @property
    def score_attributions(self) -> dict[str, ScoreAttribution]:
        """The attributions that are made of scores of images."""
        entries = self.attributions.items()
        return {name: e for name, e in entries if isinstance(e, ScoreAttribution)}

    @property
    def attributed(self) -> list[str]:
        """Names of all attributions, those by removal first."""
        return [*self.removal_attributions, *self.score_attributions]

    @property
    def recipes(self) -> dict[str, RecipeKeys]:
        """How each kind of model is trained, by its place in the configuration."""
        approaches = {f"approaches.{name}": entry for name, entry in self.approaches.items()}
        return {"full": self.full, "pruned": self.pruned, **approaches}

    def training_of(self, place: str) -> Training:
        """The section `training` with what differs at one of the places of `recipes`."""
        changes = self.recipes[place].training
        return changed(self.training, changes) if changes else self.training

    def training_key(self, place: str, key: str) -> str:
        """Where a key of `training_of` is set: at the place itself, or in `training`."""
        changes = self.recipes[place].training
        own = changes is not None and getattr(changes, key) is not None
        return f"{place}.training.{key}" if own else f"training.{key}"

    @property
    def better(self) -> dict[str, Better]:
        """Which values of each behavior are good for the model; None if unknown."""
        if self.records:
            return {name: self.records.better.get(name) for name in self.records.behaviors}
        return {name: behavior.better for name, behavior in self.behaviors.items()}

    def distribution_of(self, reference: str) -> DistributionOptions | None:
        """The removal distribution of a reference; None where the reference has none."""
        approach, name = reference.split("/")
        if approach != RECORDS:
            return self.coalitions.get(name)
        table = self.records.tables.get(name) if self.records else None
        return table.drawn if table else None

    def origin(self, reference: str) -> tuple[str, ...]:
        """The origin of a reference's coalitions, equal for references to the same coalitions."""
        name = reference.split("/")[1]
        if self.records:
            if (table := self.records.tables.get(name)) is None:
                return (name,)  # That there is none is told elsewhere.
            return (str(Path(table.path)), repr(sorted(table.where.items())))
        path = getattr(self.coalitions.get(name), "path", None)
        return (name,) if path is None else (str(Path(path)),)
