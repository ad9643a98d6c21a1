"""Paths of the files that each rule reads, from the wildcards of its output."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from diffcredit.config.behaviors import QueryFolder
from diffcredit.config.until import Until
from diffcredit.plan.attributions import Snapshot
from diffcredit.plan.plan import Plan
from diffcredit.registry import SCORES

#: Matches no name.
NOTHING = "(?!)"
#: The wildcards of a job, as attributes.
Wildcards = Any


class Inputs:
    """What rules read, as paths below the folder of the run.

    Args:
        plan: of the configuration.
        enough: whether the first shards of coalitions of a distribution are enough, for those that
            are added until they are: a function of the distribution and the number of shards.
    """

    def __init__(self, plan: Plan, enough: Callable[[str, int], bool]):
        self._plan, self._enough = plan, enough
        self._config, self._counts, self._run = plan.config, plan.counts, plan.run
        entries = self._config.coalitions.items()
        #: Distributions whose coalitions are added until they are enough.
        self.adaptive = [name for name, entry in entries if getattr(entry, "until", None)]

    # Coalitions and shards

    def shard_count(self, distribution: str, approach: str | None = None) -> int:
        """Number of shards of a distribution's coalitions, or of an approach's models of them."""
        most = self._counts.shards(distribution, approach)
        if distribution not in self.adaptive:
            return most
        enough = (count for count in range(1, most) if self._enough(distribution, count))
        return next(enough, most)

    def shards(self, approach: str, distribution: str) -> list[str]:
        """Names training seed-shard of all shards of an approach's coalitions."""
        seeds = self._counts.seeds(approach, distribution)
        count = self.shard_count(distribution, approach)
        return [f"{seed}-{shard}" for seed in range(seeds) for shard in range(count)]

    def shard_coalitions(self, wildcards: Wildcards) -> list[str]:
        """The tables of coalitions that a shard of models is made from."""
        approach, distribution, _, shard = shard_of(wildcards)
        tables = self._counts.tables(distribution, shard, approach)
        return [f"{self._run}/coalitions/{distribution}/{table}.parquet" for table in tables]

    def coalition_tables(self, wildcards: Wildcards) -> list[str]:
        """The coalitions of all shards of a distribution."""
        count = self.shard_count(wildcards.distribution)
        return self._coalitions(wildcards.distribution, count)

    def first_coalition_tables(self, wildcards: Wildcards) -> list[str]:
        """The coalitions of the first shards."""
        return self._coalitions(wildcards.distribution, int(wildcards.shards))

    def requested_tables(self, distribution: str) -> list[str]:
        """Requested coalitions: a table for each attribution, and one of random removals."""
        return self._coalitions(distribution, self.shard_count(distribution))

    def requested_by(self, distribution: str, shard: str) -> str | list[str]:
        """The attribution that requests a shard of coalitions; none for random removals."""
        attribution = self._counts.requested_by(distribution, int(shard))
        return f"{self._run}/attributions/{attribution}.parquet" if attribution else []

    def reached_files(self, wildcards: Wildcards) -> list[str]:
        """The last check of each distribution whose coalitions are added until they are enough."""
        folder = f"{self._run}/coalitions"
        return [f"{folder}/{n}/enough-{self.shard_count(n)}.json" for n in self.adaptive]

    def _coalitions(self, distribution: str, count: int) -> list[str]:
        folder = f"{self._run}/coalitions/{distribution}"
        return [f"{folder}/{shard}.parquet" for shard in range(count)]

    # Models

    def start_model(self, wildcards: Wildcards) -> str | list[str]:
        """The model that an approach starts from; none for scratch."""
        start = self._config.approaches[wildcards.approach].start
        return [] if start == "scratch" else f"{self._run}/models/{start}"

    def _is_on_the_way(self, model: Snapshot) -> bool:
        """Whether a model was saved during its training, not at the end."""
        return model.snapshot < self._config.full.snapshots

    def model_folder(self, model: Snapshot) -> str:
        """Where a model is."""
        models = f"{self._run}/models"
        if self._is_on_the_way(model):
            return f"{models}/snapshots/{model.number}/{model.snapshot}"
        return f"{models}/ensemble/{model.number}" if model.number else f"{models}/full"

    def made_model(self, model: Snapshot) -> str:
        """The folder that a rule makes, in which a model is."""
        folder = self.model_folder(model)
        return str(Path(folder).parent) if self._is_on_the_way(model) else folder

    def own_classifier(self, extractors: Sequence[str]) -> str | list[str]:
        """The classifier of this run, where it is among the extractors."""
        return f"{self._run}/models/classifier" if self._plan.uses_classifier(extractors) else []

    # Behaviors

    def query_images(self, wildcards: Wildcards) -> str | QueryFolder | None:
        """Which images the query images of a behavior are."""
        return self._config.behaviors[wildcards.behavior].query_images

    def measured_tables(self, approach: str, distribution: str, names: Sequence[str]) -> list[str]:
        """The behaviors of shards, measured on images and on models."""
        measured = {"behaviors": self._plan.sampled, "model_behaviors": self._plan.modeled}
        return [
            f"{self._run}/{stage}/{approach}/{distribution}/{name}.parquet"
            for stage, behaviors in measured.items()
            if behaviors
            for name in names
        ]

    def behaviors(self, *references: str) -> list[str]:
        """The tables of models, values and coalitions of each approach/distribution."""
        tables = ("models.parquet", "parquet", "coalitions.parquet")
        return [f"{self._run}/behaviors/{made}.{table}" for made in references for table in tables]

    def shard_tables(self, wildcards: Wildcards) -> list[str]:
        """The behaviors of all shards of an approach's coalitions."""
        approach, distribution = wildcards.approach, wildcards.distribution
        return self.measured_tables(approach, distribution, self.shards(approach, distribution))

    # Attributions that are fitted on coalitions

    def until(self, wildcards: Wildcards) -> Until:
        """What is asked of the coalitions of a distribution."""
        entry: Any = self._config.coalitions[wildcards.distribution]
        found: Until = entry.until
        return found

    def first_shard_tables(self, wildcards: Wildcards) -> list[str]:
        """The behaviors of the first shards, for the attribution that says whether they suffice."""
        attribution = self.until(wildcards).attribution
        values = self._config.removal_attributions[attribution].values
        approach, distribution = values.split("/")
        seeds = self._config.approaches[approach].coalitions[distribution]
        count = int(wildcards.shards)
        names = [f"{seed}-{shard}" for seed in range(seeds) for shard in range(count)]
        return self.measured_tables(approach, distribution, names)

    def fitted_tables(self, wildcards: Wildcards) -> list[str]:
        """The behaviors that an attribution is fitted on, in the order of its references."""
        references = self._config.removal_attributions[wildcards.attribution].references
        return self.behaviors(*references.values())

    def other_tables(self, wildcards: Wildcards) -> list[str]:
        """What an attribution is fitted on besides the coalitions that are added."""
        attribution = self.until(wildcards).attribution
        references = self._config.removal_attributions[attribution].references
        return self.behaviors(*[made for role, made in references.items() if role != "values"])

    # Attributions that are made of scores of images

    def scores_of(self, *kinds: str) -> str:
        """A pattern of the scores that are made of gradients, features, pixels or the model."""
        entries = self._config.score_attributions.items()
        found = [name for name, e in entries if SCORES[e.method.name].made_of in kinds]
        return "|".join(found) or NOTHING

    def damping_tables(self, wildcards: Wildcards) -> list[str]:
        """The behaviors on which the damping of a score is chosen; none for a single damping."""
        reference = self._config.score_attributions[wildcards.attribution].chosen_on
        return self.behaviors(reference) if reference else []

    def score_models(self, wildcards: Wildcards) -> list[Snapshot]:
        """The models that a score is made of."""
        entry = self._config.score_attributions[wildcards.score]
        assert entry.gradients is not None
        return self._plan.attributions.gradient_models(entry.gradients)

    def query_tables(self, score: str) -> list[str]:
        """The query images of a score."""
        behaviors = self._plan.attributions.query_behaviors(score)
        return [f"{self._run}/queries/{behavior}.parquet" for behavior in behaviors]

    def made_models(self, wildcards: Wildcards) -> set[str]:
        """The folders that rules make, in which the models of a score are."""
        return {self.made_model(model) for model in self.score_models(wildcards)}

    def gradient_features(self, wildcards: Wildcards) -> list[str]:
        """The gradient features of training images and queries that a score is made of."""
        return [
            path
            for model in self.features_of_models(wildcards)
            for path in (*model["train"], *model["queries"].values())
        ]

    def features_of_models(self, wildcards: Wildcards) -> list[dict[str, Any]]:
        """The models that a score is made of, with their folders and those of their features."""
        gradients = self._config.score_attributions[wildcards.score].gradients
        parts = self._plan.attributions.gradient_parts(wildcards.score)
        found = []
        for place in self.places_of_models(wildcards):
            folder = f"{self._run}/gradients/{gradients}/{place['number']}-{place['snapshot']}"
            train = [f"{folder}/{kind}/{part}" for kind, part in parts if kind == "train"]
            queries = {part: f"{folder}/{kind}/{part}" for kind, part in parts if kind != "train"}
            found.append({**place, "train": train, "queries": queries})
        return found

    def places_of_models(self, wildcards: Wildcards) -> list[dict[str, Any]]:
        """The models that a score is made of, with their folders."""
        return [
            {**model._asdict(), "model": self.model_folder(model)}
            for model in self.score_models(wildcards)
        ]

    def compared_images(self, wildcards: Wildcards) -> str:
        """What queries are compared with: encoded images for patches, else the table of images."""
        method = self._config.score_attributions[wildcards.score].method.name
        pixels = SCORES[method].made_of == "pixels"
        return f"{self._run}/data/examples" if pixels else f"{self._run}/data/train.parquet"

    def score_extractor(self, wildcards: Wildcards) -> list[str]:
        """The extractor of a score, as a list; empty for one that sees pixels."""
        name = self._config.score_attributions[wildcards.score].extractor
        return [name] if name else []


def shard_of(wildcards: Wildcards) -> tuple[str, str, int, int]:
    """Approach, distribution, number of the training seed and of the shard."""
    numbers = int(wildcards.training_seed), int(wildcards.shard)
    return wildcards.approach, wildcards.distribution, *numbers


def snapshot_of(wildcards: Wildcards) -> Snapshot:
    """The model of a training of the full model."""
    return Snapshot(int(wildcards.number), int(wildcards.snapshot))
