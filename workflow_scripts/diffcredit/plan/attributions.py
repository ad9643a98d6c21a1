"""The plan of attributions: by removal, by gradients and by similarity."""

from typing import TYPE_CHECKING, Any, NamedTuple

from diffcredit.config import Behavior
from diffcredit.plan.made import Made, Of, Settings
from diffcredit.plan.remembered import remembered
from diffcredit.plan.shared import UNCOUNTED
from diffcredit.registry import ESTIMATORS, SCORES

if TYPE_CHECKING:
    from diffcredit.plan.plan import Plan


class Snapshot(NamedTuple):
    """A model of a training of the full model.

    Attributes:
        number: of the training; 0 is the first one.
        snapshot: number of the snapshot, from 1; the last one is the model at the end.
    """

    number: int
    snapshot: int


class Attributions:
    """Attributions, and scores of images; a method for each rule."""

    def __init__(self, plan: "Plan"):
        self._plan, self._config = plan, plan.config

    @remembered
    def attribution(self, name: str) -> Made:
        """A value for each contributor and behavior, by removal or by scores."""
        if name in self._config.score_attributions:
            return self.scored(name)
        entry = self._config.removal_attributions[name]
        values = {
            "attribution": entry.model_dump(),
            "distributions": self.distributions_of(name),
            "better": self._config.better,
        }
        of = {"behaviors": [self._plan.behaviors(made) for made in entry.references.values()]}
        code = self._plan.code.of_script("attribution", (ESTIMATORS, [entry.method.name]))
        return Made("attribution", Settings(values), of, code=code)

    @remembered
    def enough(self, distribution: str, shards: int) -> Made:
        """Whether the first shards of coalitions are enough."""
        until = getattr(self._config.coalitions[distribution], "until", None)
        assert until is not None
        entry = self._config.removal_attributions[until.attribution]
        approach, distribution = entry.values.split("/")
        of = self._plan.first_shards(approach, distribution, shards)
        of["others"] = [
            self._plan.behaviors(made)
            for role, made in entry.references.items()
            if role != "values"
        ]
        values = {
            "until": until.model_dump(),
            "attribution": entry.model_dump(),
            "distributions": self.distributions_of(until.attribution),
            "training_seeds": self._plan.counts.seeds(approach, distribution),
        }
        code = self._plan.code.of_script("enough", (ESTIMATORS, [entry.method.name]))
        return Made("enough", Settings(values), of, code=code)

    def distributions_of(self, attribution: str) -> dict[str, Any]:
        """Role -> removal distribution of an attribution's coalitions, without their count."""
        references = self._config.removal_attributions[attribution].references
        found = {
            role: self._config.distribution_of(reference)
            for role, reference in references.items()
            if role in ("values", "corrections")
        }
        return {role: entry.model_dump(exclude=UNCOUNTED) for role, entry in found.items() if entry}

    @remembered
    def gradients(self, name: str, model: Snapshot, kind: str, part: str) -> Made:
        """Features of a shard of training images, or of the queries of a behavior."""
        entry = self._config.gradients[name]
        of = {"model": self._plan.full(model.number)}
        of["images"] = self._plan.encode() if kind == "train" else self._plan.queries(part)
        if kind == "trajectory":
            of["sampler"] = self._plan.full()
        settings = self._plan.settings(
            "journeys" if kind == "trajectory" else "gradients",
            gradients=entry.model_dump(include={"function", "timesteps", "at", "dimensions"}),
            shards=entry.shards if kind == "train" else 1,
            family=self._plan.family(),
            steps=self._config.sampling.steps if kind == "trajectory" else None,
        )
        # Queries are identified by their content, not by the name of the behavior.
        own = {"snapshot": model.snapshot, "part": part if kind == "train" else None}
        return Made("gradients", settings, of, own)

    def gradient_models(self, name: str) -> list[Snapshot]:
        """The models whose gradients an entry uses."""
        entry, last = self._config.gradients[name], self._config.full.snapshots
        kept = range(last - entry.snapshots + 1, last + 1)
        return [Snapshot(number, snapshot) for number in range(entry.models) for snapshot in kept]

    def gradient_parts(self, score: str) -> list[tuple[str, str]]:
        """Kind and part of the features that a score is made of."""
        entry = self._config.score_attributions[score]
        assert entry.gradients is not None
        kind = "trajectory" if SCORES[entry.method.name].trajectory else "queries"
        shards = range(self._config.gradients[entry.gradients].shards)
        return [
            *[("train", str(shard)) for shard in shards],
            *[(kind, behavior) for behavior in self.query_behaviors(score)],
        ]

    def explained(self, score: str) -> dict[str, Behavior]:
        """The behaviors that a score explains."""
        return {
            name: self._plan.behavior(name)
            for name in self._config.score_attributions[score].behaviors
        }

    def query_behaviors(self, score: str) -> list[str]:
        """Behaviors for whose queries a score needs the scores of training images."""
        entry, explained = self._config.score_attributions[score], self.explained(score)
        own = [name for name, behavior in explained.items() if behavior.queried]
        whole = [entry.queries] if entry.queries and len(own) < len(explained) else []
        return list(dict.fromkeys([*own, *whole]))

    @remembered
    def scores(self, score: str) -> Made:
        """Scores of the training images for queries."""
        entry = self._config.score_attributions[score]
        of_what = SCORES[entry.method.name].made_of
        if of_what in ("features", "pixels"):
            return self._similarity(score)
        assert entry.gradients is not None
        # How many at a time, and in how many jobs, changes nothing; EK-FAC projects nothing.
        unused = {"batch_size", "shards"} | ({"dimensions"} if of_what == "model" else set())
        values: dict[str, Any] = {
            "score": entry.model_dump(include={"method", "gradients", "behaviors", "damping"}),
            "gradients": self._config.gradients[entry.gradients].model_dump(exclude=unused),
            "family": self._plan.family(),
        }
        models = self.gradient_models(entry.gradients)
        made = [self._plan.full(model.number) for model in models]
        of: Of
        if of_what == "model":
            names = self.query_behaviors(score)
            queries = [self._plan.queries(behavior) for behavior in names]
            of = {"train": self._plan.encode(), "queries": queries, "models": made}
            values["names"] = names
            return Made("ekfac", self._plan.settings("ekfac", **values), of)
        features = [
            self.gradients(entry.gradients, model, kind, part)
            for model in models
            for kind, part in self.gradient_parts(score)
        ]
        of = {"features": features, "models": made}
        values |= {
            "full": self._config.full.model_dump(exclude={"models"}),
            "training": self._config.training_of("full").model_dump(),
        }
        code = self._plan.code.of_script("gradient_scores", (SCORES, [entry.method.name]))
        return Made("gradient_scores", self._plan.settings(**values), of, code=code)

    def _similarity(self, score: str) -> Made:
        entry = self._config.score_attributions[score]
        extractors = [entry.extractor] if entry.extractor else []
        names = self.query_behaviors(score)
        settings = self._plan.settings(
            names=names,
            score=entry.model_dump(include={"method", "extractor", "behaviors"}),
            extractors=self._plan.extractor_places(extractors),
            files=self._plan.weights(extractors),
            family=self._plan.family(["timesteps"]),
        )
        of_pixels = SCORES[entry.method.name].made_of == "pixels"
        queries = [self._plan.queries(behavior) for behavior in names]
        of: Of = {
            "train": self._plan.encode() if of_pixels else self._plan.data(),
            "queries": queries,
            **self._plan.classifiers(extractors),
        }
        code = self._plan.code.of_script("similarity", (SCORES, [entry.method.name]))
        return Made("similarity", settings, of, code=code)

    @remembered
    def scored(self, score: str) -> Made:
        """The attribution of contributors by the scores of their images, with its dampings."""
        entry = self._config.score_attributions[score]
        of: Of = {
            "scores": self.scores(score),
            "train": self._plan.data(),
        }
        if entry.chosen_on:
            of["measured"] = self._plan.behaviors(entry.chosen_on)
        values = {
            "score": entry.model_dump(),
            "behaviors": {name: b.model_dump() for name, b in self.explained(score).items()},
            "average": self._config.evaluation.average,
        }
        return Made("scored", Settings(values), of, code=self._plan.code.of_script("scored"))
