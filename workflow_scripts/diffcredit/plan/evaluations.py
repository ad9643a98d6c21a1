"""The plan of tables and figures about attributions and unlearning."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from diffcredit.config import Lds
from diffcredit.config.unlearning import PRETRAINED, UNLEARNING
from diffcredit.plan.made import Made, Of, Settings
from diffcredit.plan.remembered import remembered
from diffcredit.registry import ESTIMATORS

if TYPE_CHECKING:
    from diffcredit.plan.plan import Plan


class Evaluations:
    """Tables and figures; a method for each rule.

    Attributes:
        fitted: behaviors on which attributions are fitted, with v(all) and v(none).
        grids: scores with several dampings to choose from.
        shown: behavior whose proponents are shown, preferably of generated images, as a list.
        proponents: scores that explain this behavior.
        pictured: coalitions whose samples are shown.
    """

    def __init__(self, plan: "Plan"):
        self._plan, self._config = plan, plan.config
        config = plan.config
        entries = config.removal_attributions.values()
        self.fitted = sorted({made for entry in entries for made in entry.references.values()})
        self.grids = [
            name for name, entry in config.score_attributions.items() if len(entry.dampings) > 1
        ]
        explained = {name: plan.attributions.explained(name) for name in config.score_attributions}
        queried = [n for found in explained.values() for n, b in found.items() if b.queried]
        self.shown = sorted(
            queried, key=lambda name: config.behaviors[name].query_images != "generated"
        )[:1]
        self.proponents = [name for name, found in explained.items() if {*self.shown} & {*found}]

    # Tables

    @remembered
    def lds(self) -> Made:
        """The LDS of every attribution."""
        of: Of = {
            "attributions": self._attributions(),
            "truth": self._plan.behaviors(self._lds.truth),
            "contributors": self._plan.contributors(),
        }
        names = self._config.attributed
        return self._table(
            "lds", of, names=names, lds=self._lds.model_dump(), seed=self._config.seed
        )

    @remembered
    def planted(self) -> Made:
        """Whether the attributions find the planted contributors."""
        of: Of = {"attributions": self._attributions(), "planted": self._plan.data()}
        names = self._config.attributed
        return self._table("planted", of, names=names, better=self._config.better)

    @remembered
    def cost(self) -> Made:
        """The cost of the models of each approach."""
        return self._table("cost", {"models": self._behaviors(self._plan.counts.made)})

    @remembered
    def convergence(self) -> Made:
        """Convergence of attributions, and their LDS at equal compute."""
        config = self._config
        convergence = config.evaluation.convergence
        of: Of = {
            "behaviors": self._behaviors(self.fitted),
            "truth": self._plan.behaviors(self._lds.truth),
        }
        distributions = {
            name: self._plan.attributions.distributions_of(name)
            for name in config.removal_attributions
        }
        return self._table(
            "convergence",
            of,
            methods=[entry.method.name for entry in config.removal_attributions.values()],
            made=self.fitted,
            attributions={
                name: entry.model_dump() for name, entry in config.removal_attributions.items()
            },
            distributions=distributions,
            convergence=convergence and convergence.model_dump(),
            lds=self._lds.model_dump(),
            seed=config.seed,
        )

    @remembered
    def dampings(self) -> Made:
        """The LDS of scores by every damping of their grids."""
        scored = [self._plan.attributions.scored(name) for name in self.grids]
        of: Of = {
            "dampings": scored,
            "scores": [self._plan.attributions.scores(name) for name in self.grids],
            "train": self._plan.data(),
            "truth": self._plan.behaviors(self._lds.truth),
        }
        explained = [self._plan.attributions.explained(name) for name in self.grids]
        return self._table(
            "dampings",
            of,
            scores=[self._config.score_attributions[name].model_dump() for name in self.grids],
            behaviors={name: b.model_dump() for found in explained for name, b in found.items()},
            average=self._config.evaluation.average,
        )

    @remembered
    def counterfactual(self) -> Made:
        """Changes of behaviors after the top or bottom contributors are removed."""
        settings = self._config.evaluation.counterfactual
        assert settings is not None
        of: Of = {
            "coalitions": self._requested("counterfactual"),
            "behaviors": self._plan.behaviors(f"{settings.approach}/counterfactual"),
            "full": self._plan.behaviors(settings.full),
        }
        confidence = self._lds.confidence
        return self._table("counterfactual", of, confidence=confidence, better=self._config.better)

    @remembered
    def regenerated(self) -> Made:
        """Distances of images that are regenerated without their proponents."""
        settings = self._config.evaluation.regenerated
        assert settings is not None
        of: Of = {
            "coalitions": self._requested("regenerated"),
            "behaviors": self._plan.behaviors(f"{settings.approach}/regenerated"),
        }
        confidence = self._lds.confidence
        return self._table("regenerated", of, settings=settings.model_dump(), confidence=confidence)

    @remembered
    def outcomes(self) -> Made:
        """Forgetting and quality of unlearning approaches, over the steps and at the end."""
        counts = self._plan.counts
        measured = {
            name: [
                made
                for seed in range(counts.seeds(name, UNLEARNING))
                for made in self._plan.measured(name, UNLEARNING, seed, 0)
            ]
            for name in self._unlearned
        }
        of: Of = {"behaviors": [made for tables in measured.values() for made in tables]}
        settings = self._unlearning({"retrain", "quality", "forgetting", "confidence"})
        return self._table(
            "outcomes",
            of,
            # Of each table, in the order of the inputs.
            approaches=[name for name, tables in measured.items() for _ in tables],
            pretrained=PRETRAINED,
            unlearning=settings,
            better=self._config.better,
        )

    # Figures

    @remembered
    def figure_tables(self) -> Made:
        """The result tables as a page, and the LDS table as text."""
        evaluation, records = self._config.evaluation, self._config.records
        optional = {
            "equal_compute": (self.converges, self.convergence),
            "counterfactual": (evaluation.counterfactual, self.counterfactual),
            "regenerated": (evaluation.regenerated, self.regenerated),
            "dampings": (self.grids, self.dampings),
            "planted": (not records, self.planted),
            "cost": (not records, self.cost),
            "pruned": (self.prunes, self._plan.pruned),
        }
        found: Of = {name: make() for name, (there, make) in optional.items() if there}
        return self._figure("tables", {"lds": self.lds(), **found}, confidence=self._lds.confidence)

    @remembered
    def figure_attributions(self) -> Made:
        """Values of the contributors by each attribution."""
        of: Of = {
            "attributions": self._attributions(),
            "contributors": self._plan.contributors(),
        }
        return self._figure(
            "attributions",
            of,
            names=self._config.attributed,
            scores=list(self._config.score_attributions),
            better=self._config.better,
        )

    def figure_lds(self) -> Made:
        """LDS of each attribution with its interval."""
        return self._figure_of_tables("lds", {"lds": self.lds()})

    def figure_cost(self) -> Made:
        """Seconds of one model of each approach."""
        return self._figure_of_tables("cost", {"cost": self.cost()})

    def figure_convergence(self) -> Made:
        """LDS against compute, and convergence of the values."""
        return self._figure_of_tables(
            "convergence", {"convergence": self.convergence(), "lds": self.lds()}
        )

    def figure_dampings(self) -> Made:
        """LDS by damping."""
        return self._figure_of_tables("dampings", {"dampings": self.dampings()})

    def figure_counterfactual(self) -> Made:
        """Changes of behaviors after the top or bottom contributors are removed."""
        return self._figure_of_tables("counterfactual", {"counterfactual": self.counterfactual()})

    def figure_regenerated(self) -> Made:
        """Generated images, and their versions without their proponents."""
        settings = self._config.evaluation.regenerated
        assert settings is not None
        shards = range(self._plan.counts.shards("regenerated"))
        of: Of = {
            "coalitions": self._requested("regenerated"),
            "samples": [
                self._plan.samples(settings.approach, "regenerated", 0, shard) for shard in shards
            ],
            "full": self._plan.sample_model("full"),
        }
        return self._figure("regenerated", of, queries=settings.queries)

    def figure_proponents(self) -> Made:
        """For some queries, the training images that help them most and least."""
        of: Of = {
            "scores": [self._plan.attributions.scores(name) for name in self.proponents],
            "attributions": [self._plan.attributions.scored(name) for name in self.proponents],
            "queries": [self._plan.queries(name) for name in self.shown],
            "train": self._plan.data(),
        }
        scores = {
            name: self._config.score_attributions[name].model_dump() for name in self.proponents
        }
        return self._figure("proponents", of, behavior=self.shown[0], scores=scores)

    def figure_samples(self) -> Made:
        """Images of the data, of the models, of one coalition and of contributors."""
        approach, distribution = self.pictured.split("/")
        of: Of = {
            "train": self._plan.data(),
            "full": self._plan.sample_model("full"),
            "shard": self._plan.samples(approach, distribution, 0, 0),
            "contributors": self._plan.contributors(),
            "attribution": self._plan.attributions.attribution(self.last),
        }
        if self.prunes:
            of["pruned"] = self._plan.sample_model("pruned")
        explained = (
            self._plan.attributions.explained(self.last)
            if self.last in self._config.score_attributions
            else self._config.behaviors
        )
        behavior = next(iter(explained), None)
        better = self._config.better.get(behavior) if behavior else None
        return self._figure("samples", of, shard=self.pictured, behavior=behavior, better=better)

    def figure_unlearning(self) -> Made:
        """The models that unlearn, and their outcomes as text."""
        behavior = self._plan.reconstruction_behavior
        outcomes = self.outcomes()
        of: Of = {
            "curves": outcomes,
            "outcomes": outcomes,
            "removed": [self._plan.queries(behavior)] if behavior else [],
            "reconstruction": [
                self._plan.reconstruction(name) for name in self._unlearned if behavior
            ],
        }
        behaviors = self._config.behaviors.items()
        return self._figure(
            "unlearning",
            of,
            approaches=self._unlearned,
            pretrained=PRETRAINED,
            unlearning=self._unlearning({"retrain", "quality", "forgetting"}),
            better=self._config.better,
            of_removed=[name for name, b in behaviors if b.query_images == "removed"],
        )

    @property
    def converges(self) -> bool:
        """Whether convergence is evaluated; scores of images have no coalitions to add."""
        return bool(self._config.evaluation.convergence and self._config.removal_attributions)

    @property
    def prunes(self) -> bool:
        """Whether an approach starts from the pruned model."""
        return any(approach.start == "pruned" for approach in self._config.approaches.values())

    @property
    def last(self) -> str:
        """The attribution that orders the contributors in figures."""
        return self._config.attributed[-1]

    @property
    def pictured(self) -> str:
        """Coalitions of which images are shown."""
        entry = self._config.removal_attributions.get(self.last)
        return entry.values if entry else self._lds.truth

    @property
    def _lds(self) -> Lds:
        assert self._config.evaluation.lds is not None  # Where something is attributed.
        return self._config.evaluation.lds

    @property
    def _unlearned(self) -> list[str]:
        return self._plan.counts.unlearned

    def _unlearning(self, keys: set[str]) -> dict[str, Any]:
        assert self._config.unlearning is not None
        return self._config.unlearning.model_dump(include=keys)

    def _attributions(self) -> list[Made]:
        return [self._plan.attributions.attribution(name) for name in self._config.attributed]

    def _behaviors(self, references: Sequence[str]) -> list[Made]:
        return [self._plan.behaviors(reference) for reference in references]

    def _requested(self, distribution: str) -> list[Made]:
        shards = range(self._plan.counts.shards(distribution))
        return [self._plan.coalitions(distribution, shard) for shard in shards]

    def _table(self, name: str, of: Of, *, methods: Sequence[str] = (), **values: Any) -> Made:
        """A table, made by the script of its name, and by estimators that it fits."""
        code = self._plan.code.of_script(name, (ESTIMATORS, methods))
        return Made(name, Settings(values), of, code=code)

    def _figure(self, name: str, of: Of, **values: Any) -> Made:
        code = self._plan.code.of_script(f"figure_{name}")
        return Made("figure", Settings(values), of, {"figure": name}, code=code)

    def _figure_of_tables(self, name: str, of: Of) -> Made:
        return Made(
            "figure", Settings({}), of, {"figure": name}, self._plan.code.of_script("figure")
        )
