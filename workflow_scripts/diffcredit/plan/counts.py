"""Numbers of coalitions, shards and trainings of a configuration."""

import math
from collections.abc import Mapping

from diffcredit.config import Config, Counterfactual, Regenerated
from diffcredit.config.unlearning import PRETRAINED, UNLEARNING


class Counts:
    """Numbers of coalitions, shards and trainings of a configuration.

    Attributes:
        requested: requested coalitions by name: counterfactual and regenerated.
        made: approach/distribution of all models of coalitions, or records/table.
        unlearned: compared models of unlearning: the pretrained model, approaches, retraining.
    """

    def __init__(self, config: Config):
        self._config = config
        evaluation, unlearning = config.evaluation, config.unlearning
        self.requested: dict[str, Counterfactual | Regenerated] = {}
        if evaluation.counterfactual:
            self.requested["counterfactual"] = evaluation.counterfactual
        if evaluation.regenerated:
            self.requested["regenerated"] = evaluation.regenerated
        if config.records:
            self.made = [f"records/{name}" for name in config.records.tables]
        else:
            self.made = [f"{a}/{d}" for a, e in config.approaches.items() for d in e.coalitions]
        self.made += [f"{e.approach}/{name}" for name, e in self.requested.items()]
        self.unlearned = [PRETRAINED, *unlearning.approaches] if unlearning else []
        if unlearning and unlearning.retrain:
            self.unlearned.append(unlearning.retrain)

    def seeds(self, approach: str, distribution: str) -> int:
        """Number of training seeds of an approach for each coalition of a distribution."""
        if distribution == UNLEARNING:
            unlearning = self._config.unlearning
            assert unlearning is not None
            return 1 if approach == PRETRAINED else unlearning.seeds
        made = self._config.approaches[approach].coalitions
        if distribution in made:
            return made[distribution]
        return self.requested[distribution].seeds

    def size(self, approach: str | None = None) -> int:
        """Coalitions per shard: of an approach's models, or of the tables of coalitions."""
        execution = self._config.execution
        return execution.shard_sizes.get(approach or "", execution.shard_size)

    def shards(self, distribution: str, approach: str | None = None) -> int:
        """Number of shards of a distribution's coalitions, or of an approach's models of them.

        The maximum, if coalitions are added until they are enough.
        """
        if distribution == UNLEARNING:
            return 1
        if distribution in self.requested:
            entry = self.requested[distribution]
            return len(entry.attributions) + (entry.random > 0)
        return math.ceil(self._count(distribution) / self.size(approach))

    def numbers(
        self, distribution: str, shard: int, approach: str | None = None
    ) -> tuple[int, int]:
        """Number of the first coalition of a shard, and of the first after it."""
        size = self.size(approach)
        return shard * size, min((shard + 1) * size, self._count(distribution))

    def shards_of_models(self, distribution: str, tables: int, approach: str) -> int:
        """Number of shards of an approach's models for a number of tables of coalitions."""
        if distribution in self.requested:
            return tables
        return math.ceil(tables * self.size() / self.size(approach))

    def tables(self, distribution: str, shard: int, approach: str) -> range:
        """The tables of coalitions of an approach's shard of models."""
        if distribution in self.requested:
            return range(shard, shard + 1)
        several = self.size(approach) // self.size()
        return range(shard * several, min((shard + 1) * several, self.shards(distribution)))

    def requested_by(self, distribution: str, shard: int) -> str | None:
        """The attribution of a shard of requested coalitions; None for random removals."""
        attributions = self.requested[distribution].attributions
        return attributions[shard] if shard < len(attributions) else None

    def _count(self, distribution: str) -> int:
        count = self._config.coalitions[distribution].count
        assert count is not None  # The configuration was counted.
        return count

    def of_path(self, wildcards: Mapping[str, str]) -> dict[str, int]:
        """How many shards and training seeds there are of the approach and distribution of a path.

        Args:
            wildcards: of the rule that makes the path.
        """
        approach, distribution = wildcards.get("approach"), wildcards.get("distribution")
        if distribution is None:
            return {}
        found = {"shard": self.shards(distribution, approach)}
        if approach is not None:
            found["training_seed"] = self.seeds(approach, distribution)
        return found
