"""Settings that many results share."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from diffcredit.config import Behavior, Config
from diffcredit.plan.code_of_stages import VERSIONS, Code
from diffcredit.plan.counts import Counts
from diffcredit.plan.made import Settings
from diffcredit.plan.remembered import remembered
from diffcredit.plan.user_files import UserFiles
from diffcredit.registry import EXTRACTORS

#: Options that do not change existing coalitions, such as their number.
UNCOUNTED = {"count", "until"}


class SharedSettings:
    """Settings of a configuration that many results share.

    Args:
        config: checked and counted.
        files: digests of the user's files.
        code: computes digests of the code of cheap stages.
        run: folder of the results.

    Attributes:
        sampled: behaviors of samples.
        modeled: behaviors of the models themselves, on query images.
        looked_for: behaviors that search the samples for given images.
    """

    def __init__(self, config: Config, files: UserFiles, code: Code, run: str):
        self.config, self.files, self.code, self.run = config, files, code, run
        self.counts = Counts(config)
        self.sampled = {name: b for name, b in config.behaviors.items() if b.of == "samples"}
        self.modeled = {name: b for name, b in config.behaviors.items() if b.of == "model"}
        self.looked_for = [n for n, b in self.sampled.items() if b.compares == "queries"]

    @property
    def compares_with_full(self) -> bool:
        """Whether a behavior compares images with those of the full model."""
        return any(behavior.compares == "full" for behavior in self.sampled.values())

    def extractors(self, behaviors: Mapping[str, Behavior]) -> list[str]:
        """Names of the extractors that behaviors use."""
        used = {behavior.sees for behavior in behaviors.values()}
        return [name for name in self.config.extractors if name in used]

    def uses_classifier(self, extractors: Sequence[str]) -> bool:
        """Whether the classifier of this run is among the extractors."""
        kinds = {self.config.extractors[name].kind for name in extractors}
        return any(EXTRACTORS[kind].trained_by_run for kind in kinds)

    def extractor_places(self, extractors: Sequence[str]) -> dict[str, list[Any]]:
        """Options and place of each extractor; the classifier is of this run."""
        entries = {name: self.config.extractors[name] for name in extractors}
        return {
            name: [
                entry.model_dump(exclude=set(entry.located_by)),
                str(entry.place() or f"{self.run}/models/{entry.kind}"),
            ]
            for name, entry in entries.items()
        }

    def weight_files(self, behaviors: Mapping[str, Behavior]) -> list[Path]:
        """Files of published weights, and of the user, that behaviors need."""
        named = dict.fromkeys(path for b in behaviors.values() for path in b.measure.files())
        return [*self._extractor_weights(self.extractors(behaviors)), *named]

    def _extractor_weights(self, extractors: Sequence[str]) -> list[Path]:
        return [path for name in extractors for path in self.config.extractors[name].files()]

    def weights(self, extractors: Sequence[str]) -> dict[str, str]:
        """Digests of the published weights of extractors."""
        return self._digests(self._extractor_weights(extractors))

    def behavior_weights(self, behaviors: Mapping[str, Behavior]) -> dict[str, str]:
        """Digests of the published weights that behaviors need."""
        return self._digests(self.weight_files(behaviors))

    def _digests(self, paths: Sequence[Path]) -> dict[str, str]:
        return self.files.digests(*[("file", str(path)) for path in paths])

    def behavior(self, name: str) -> Behavior:
        """An entry of the behaviors."""
        return self.config.behaviors[name]

    def settings(self, *stages: str, **values: Any) -> Settings:
        """Settings with the seed, and the version numbers of stages."""
        versions = {stage: VERSIONS[stage] for stage in stages}
        return Settings({**values, "seed": self.config.seed, "version": versions})

    def family(self, keys: Collection[str] | None = None) -> dict[str, Any]:
        """The settings of the model family, for `models.families.of_settings`.

        Args:
            keys: relevant keys of the section `model` besides the name; None for all.
        """
        config = self.config
        counted = None if keys is None else {"family", *keys}
        return {
            "model": config.model.model_dump(include=counted),
            "image_size": config.data.image_size,
            "channels": config.data.channels,
        }

    @remembered
    def of_coalitions(self, distribution: str) -> Settings:
        """Settings of all coalitions of a distribution."""
        entry = self.config.coalitions[distribution].model_dump(exclude=UNCOUNTED)
        return self.settings("coalitions", name=distribution, distribution=entry)

    @remembered
    def of_approach(self, approach: str) -> Settings:
        """Settings of all models of an approach."""
        return self.settings(
            "training",
            name=approach,
            approach=self.config.approaches[approach].model_dump(
                exclude={"coalitions", "training"}
            ),
            family=self.family(),
            training=self.config.training_of(f"approaches.{approach}").model_dump(),
        )

    @remembered
    def of_sampling(self) -> Settings:
        """Settings of all samples."""
        return self.settings(
            "sampling",
            sampling=self.config.sampling.model_dump(),
        )

    @remembered
    def of_scoring(self) -> Settings:
        """Settings of all behaviors of samples."""
        values = {
            "behaviors": {name: b.model_dump() for name, b in self.sampled.items()},
            "extractors": self.extractor_places(self.extractors(self.sampled)),
            "files": self.behavior_weights(self.sampled),
        }
        return Settings(values)

    @remembered
    def of_measuring(self) -> Settings:
        """Settings of all behaviors of models."""
        return self.settings(
            "model_behaviors",
            behaviors={name: b.model_dump() for name, b in self.modeled.items()},
            extractors=self.extractor_places(self.extractors(self.modeled)),
            files=self.behavior_weights(self.modeled),
            family=self.family(),
            sampling=self.config.sampling.model_dump(exclude={"images"}),
        )
