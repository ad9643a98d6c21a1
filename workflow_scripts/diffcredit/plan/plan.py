"""The plan of images, models, behaviors and attributions of a configuration."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from diffcredit.config import Behavior, Config
from diffcredit.config.counts import injected_file
from diffcredit.config.unlearning import PRETRAINED, UNLEARNING
from diffcredit.plan.attributions import Attributions
from diffcredit.plan.code_of_stages import VERSIONS, Code
from diffcredit.plan.evaluations import Evaluations
from diffcredit.plan.made import Made, Of, Settings
from diffcredit.plan.marks import code_of_scoring, marks
from diffcredit.plan.remembered import remembered
from diffcredit.plan.shared import SharedSettings
from diffcredit.plan.user_files import UserFiles
from diffcredit.registry import DATASETS, FAMILIES, MEASURES


class Plan(SharedSettings):
    """All results of a configuration; a method for each rule.

    Attributes:
        attributions: attributions, with gradients and scores.
        evaluation: tables and figures about attributions and unlearning.
    """

    def __init__(self, config: Config, files: UserFiles, code: Code, run: str):
        super().__init__(config, files, code, run)
        self.attributions = Attributions(self)
        self.evaluation = Evaluations(self)

    # Data

    @remembered
    def data(self) -> Made:
        """All tables of images, and the contributors."""
        data = self.config.data
        read = [("data",)] if DATASETS[data.source.name].folder else []
        if data.injected and injected_file(data.injected, Path()):
            read.append(("injected",))
        settings = self.settings("data", data=data.model_dump(), files=self.files.digests(*read))
        return Made("data", settings)

    @remembered
    def encode(self) -> Made:
        """The training images as encoded examples."""
        family = self.family(FAMILIES[self.config.model.family].encoded_by)
        settings = Settings({"family": family, "version": {"encode": VERSIONS["encode"]}})
        return Made("encode", settings, {"train": self.data()})

    @remembered
    def classifier(self) -> Made:
        """The classifier that measures samples."""
        settings = self.settings("classifier", classifier=self.config.classifier.model_dump())
        return Made("classifier", settings, {"reference": self.data()})

    @remembered
    def queries(self, behavior: str) -> Made:
        """The query images of a behavior."""
        measure, images = self.behavior(behavior).measure, self.behavior(behavior).query_images
        folder = getattr(images, "folder", None)
        of = {"train": self.data()} | {
            source: make()
            for source, make in {
                "generated": lambda: self.sample_model("full"),
                "held_out": self.data,
                "removed": self.removal,
                "retained": self.removal,
            }.items()
            if images == source
        }
        values = {
            "measure": measure.model_dump(),
            "files": self.files.digests(("images", folder)) if folder else {},
            "background": folder and list(self.config.data.background_color),
        }
        return Made("queries", self.settings("queries", **values), of)

    @remembered
    def removal(self) -> Made:
        """The images to unlearn, and the images to retain."""
        unlearning = self.config.unlearning
        assert unlearning is not None
        cluster = unlearning.remove.cluster
        extractors = [cluster.extractor] if cluster else []
        of: Of = {"train": self.data(), "contributors": self.data()}
        if cluster:
            of["generated"] = self.sample_model("full")
        of |= self.classifiers(extractors)
        values = {
            "removal": unlearning.remove.model_dump(),
            "extractors": self.extractor_places(extractors),
            "files": self.weights(extractors),
        }
        return Made("removal", self.settings("unlearning", **values), of)

    # Models

    @remembered
    def full(self, number: int = 0) -> Made:
        """A training of the full model, the first one or a further one, with its snapshots."""
        config = self.config
        values: dict[str, Any] = {
            "family": self.family(),
            "training": config.training_of("full").model_dump(),
            "full": config.full.model_dump(exclude={"models", "training"}),
        }
        if number == 0 and config.full.pretrained:
            values["files"] = self.files.digests(("pretrained",))
        settings = self.settings("training", **values)
        return Made("full", settings, {"examples": self.encode()}, {"number": number})

    @remembered
    def pruned(self) -> Made:
        """The full model pruned and fine-tuned."""
        settings = self.settings(
            "training",
            "pruning",
            training=self.config.training_of("pruned").model_dump(),
            pruned=self.config.pruned.model_dump(exclude={"training"}),
        )
        return Made("pruned", settings, {"examples": self.encode(), "full": self.full()})

    def model(self, name: str) -> Made:
        """The full or the pruned model."""
        return self.pruned() if name == "pruned" else self.full()

    @remembered
    def sample_model(self, name: str) -> Made:
        """Samples of the full or the pruned model."""
        return Made("samples", self.of_sampling(), {"model": self.model(name)})

    @remembered
    def coalitions(self, distribution: str, shard: int) -> Made:
        """A shard of the coalitions of a distribution, or of requested coalitions."""
        if distribution in self.counts.requested:
            return self._requested_coalitions(distribution, shard)
        first, end = self.counts.numbers(distribution, shard)
        own: dict[str, Any] = {"numbers": [first, end]}
        entry = self.config.coalitions[distribution]
        if questions := entry.user_files(first, end):
            own["files"] = self.files.digests(*questions)
        settings = self.of_coalitions(distribution)
        return Made("coalitions", settings, {"contributors": self.data()}, own)

    def _requested_coalitions(self, distribution: str, shard: int) -> Made:
        """Requested coalitions; the code of attributions does not count, to keep models."""
        attribution = self.counts.requested_by(distribution, shard)
        of: Of = {"contributors": self.data()}
        if attribution:
            of["attribution"] = self.attributions.attribution(attribution)
        entry = self.counts.requested[distribution]
        values: dict[str, Any] = {"settings": entry.model_dump()}
        if distribution == "regenerated":
            regenerated = self.config.evaluation.regenerated
            assert regenerated is not None
            values["settings"] = entry.model_dump(include={"behavior", "queries", "remove"})
            values["draws"] = 0 if attribution else regenerated.random
            values["sign"] = self.behavior(regenerated.behavior).sign
        stage = f"{distribution}_coalitions"
        values |= {"seed": self.config.seed, "version": VERSIONS["requested"]}
        own = {"shard": shard, "attribution": attribution}
        return Made(stage, Settings(values), of, own, lasting=frozenset({"attribution"}))

    @remembered
    def subsets(self, approach: str, distribution: str, seed: int, shard: int) -> Made:
        """The models of a shard of coalitions by an approach, from a training seed."""
        if distribution == UNLEARNING:
            return self.pretrained() if approach == PRETRAINED else self.unlearn(approach, seed)
        tables = self.counts.tables(distribution, shard, approach)
        of: Of = {
            "coalitions": [self.coalitions(distribution, table) for table in tables],
            "examples": self.encode(),
            "train": self.data(),
            **self._start(approach),
        }
        return Made("subsets", self.of_approach(approach), of, {"training_seed": seed})

    @remembered
    def pretrained(self) -> Made:
        """The full model, as the model before any step of unlearning."""
        settings = Settings({"version": {"unlearning": VERSIONS["unlearning"]}})
        return Made("pretrained", settings, {"model": self.full()})

    @remembered
    def unlearn(self, approach: str, seed: int) -> Made:
        """A training of an approach that unlearns images, or is trained without them."""
        unlearning = self.config.unlearning
        assert unlearning is not None
        measured = self.measured_on_the_way(approach)
        of = {
            "examples": self.encode(),
            "removed": self.removal(),
            "retained": self.removal(),
            **self._start(approach),
            **({"queries": self.queries(unlearning.forgetting)} if measured else {}),
            **self.classifiers(self.extractors(measured)),
        }
        started = self.config.approaches[approach].start != "scratch"
        own = {
            "every": unlearning.every if started else None,
            "training_seed": seed,
            "until": self._until(measured),
            "files": self.behavior_weights(measured),
            "unlearning_version": VERSIONS["unlearning"],
        }
        return Made("unlearn", self.of_approach(approach), of, own)

    def measured_on_the_way(self, approach: str) -> dict[str, Behavior]:
        """The behavior of the early-stopping rule, if any; trainings from scratch have none."""
        unlearning = self.config.unlearning
        assert unlearning is not None
        if unlearning.until is None or self.config.approaches[approach].start == "scratch":
            return {}
        return {unlearning.forgetting: self.behavior(unlearning.forgetting)}

    def _until(self, measured: Mapping[str, Behavior]) -> dict[str, Any]:
        """Settings of the early-stopping rule."""
        if not measured:
            return {}
        ((name, behavior),) = measured.items()
        assert self.config.unlearning is not None
        return {
            "name": name,
            "behavior": behavior.model_dump(),
            "level": self.config.unlearning.until,
            "extractors": self.extractor_places(self.extractors(measured)),
            "sampling": self.config.sampling.model_dump(exclude={"images"}),
        }

    # Behaviors

    @remembered
    def samples(self, approach: str, distribution: str, seed: int, shard: int) -> Made:
        """Samples of the models of a shard."""
        models = self.subsets(approach, distribution, seed, shard)
        return Made("samples", self.of_sampling(), {"models": models})

    @remembered
    def score(self, approach: str, distribution: str, seed: int, shard: int) -> Made:
        """Behaviors of the samples of a shard."""
        samples = self.samples(approach, distribution, seed, shard)
        of = {"samples": samples, **self._compared()}
        return Made("score", self._scored_by, of, code=code_of_scoring(self, self.sampled))

    @remembered
    def model_behaviors(self, approach: str, distribution: str, seed: int, shard: int) -> Made:
        """Behaviors of the models of a shard on query images."""
        models = self.subsets(approach, distribution, seed, shard)
        return Made(
            "model_behaviors", self._measured_by, {"models": models, **self._queries_of_models()}
        )

    def measured(self, approach: str, distribution: str, seed: int, shard: int) -> list[Made]:
        """The tables of behaviors of a shard."""
        place = (approach, distribution, seed, shard)
        return [
            *([self.score(*place)] if self.sampled else []),
            *([self.model_behaviors(*place)] if self.modeled else []),
        ]

    def first_shards(self, approach: str, distribution: str, count: int) -> Of:
        """The behaviors of the first shards from all training seeds, and their coalitions.

        Args:
            approach: whose models are measured.
            distribution: of the coalitions.
            count: number of tables of coalitions.
        """
        seeds = range(self.counts.seeds(approach, distribution))
        shards = self.counts.shards_of_models(distribution, count, approach)
        return {
            "shards": [
                made
                for seed in seeds
                for shard in range(shards)
                for made in self.measured(approach, distribution, seed, shard)
            ],
            "coalitions": [self.coalitions(distribution, shard) for shard in range(count)],
        }

    @remembered
    def behaviors(self, reference: str) -> Made:
        """The behaviors of all coalitions of an approach, or of a table of records.

        If coalitions are added until they are enough, the maximum number of coalitions counts.
        """
        approach, distribution = reference.split("/")
        if self.config.records:
            return self.records(distribution)
        of = self.first_shards(approach, distribution, self.counts.shards(distribution))
        until = getattr(self.config.coalitions.get(distribution), "until", None)
        own = {
            "until": until and until.model_dump(),
            "training_seeds": self.counts.seeds(approach, distribution),
        }
        return Made("gather", Settings({}), of, own, code=self.code.of_script("gather"))

    @remembered
    def records(self, table: str) -> Made:
        """A table of behaviors that were recorded elsewhere."""
        records = self.config.records
        assert records is not None
        values = {
            "table": records.tables[table].model_dump(),
            "files": self.files.digests(("file", records.tables[table].path)),
            # The better direction does not affect values.
            "records": records.model_dump(exclude={"better"}),
        }
        return Made("records", Settings(values), code=self.code.of_script("records"))

    @remembered
    def contributors(self) -> Made:
        """The table of contributors; for records, which have no images, only their numbers."""
        if self.config.records is None:
            return self.data()
        return Made("contributors", Settings({"contributors": self.config.records.contributors}))

    def _start(self, approach: str) -> dict[str, Made]:
        """The model that an approach starts from; empty for training from scratch."""
        start = self.config.approaches[approach].start
        return {} if start == "scratch" else {"start": self.model(start)}

    def classifiers(self, extractors: Sequence[str]) -> dict[str, Made]:
        """The classifier of this run, if it is among the extractors."""
        return {"classifier": self.classifier()} if self.uses_classifier(extractors) else {}

    @remembered
    def _compared(self) -> Of:
        """The images that samples are compared with."""
        of: Of = {
            "reference": self.data(),
            "queries": [self.queries(name) for name in self.looked_for],
            **self.classifiers(self.extractors(self.sampled)),
        }
        if self.compares_with_full:
            of["full"] = self.sample_model("full")
        return of

    @remembered
    def _queries_of_models(self) -> Of:
        return {
            "queries": [self.queries(name) for name in self.modeled],
            **self.classifiers(self.extractors(self.modeled)),
        }

    @cached_property
    def _scored_by(self) -> Settings:
        found = marks(self, self.sampled, self.of_scoring(), self._compared())
        return Settings({**self.of_scoring().values, "marks": found})

    @cached_property
    def _measured_by(self) -> Settings:
        found = marks(self, self.modeled, self.of_measuring(), self._queries_of_models())
        return Settings({**self.of_measuring().values, "marks": found})

    @remembered
    def reconstruction(self, approach: str) -> Made:
        """Reconstructions of a removed image by the models of an unlearning run, step by step."""
        name = self.reconstruction_behavior
        assert name is not None
        settings = self.settings(
            "unlearning",
            measure=self.behavior(name).options,
            family=self.family(),
            sampling=self.config.sampling.model_dump(exclude={"images"}),
        )
        models = self.subsets(approach, UNLEARNING, 0, 0)
        return Made("reconstruction", settings, {"models": models, "queries": self.queries(name)})

    @property
    def reconstruction_behavior(self) -> str | None:
        """The behavior whose reconstructions are shown: the first one of removed images."""
        for name, behavior in self.config.behaviors.items():
            reconstructs = MEASURES[behavior.measure.name].reconstructs
            if reconstructs and behavior.query_images == "removed":
                return name
        return None
