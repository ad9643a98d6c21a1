"""Every named building block that a config can ask for, as "module:attribute".

One line here and one file make a new dataset, objective, behavior, pruner or estimator known to the
configuration and to the workflow. Names map to strings and are imported only when they are used,
so that reading a configuration imports neither torch nor diffusers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True)
class Estimator:
    """A removal estimator: where it is, and the endpoints v(all), v(none) that it needs."""

    target: str
    endpoints: tuple[str, ...] = ()


DATASETS = {
    "digits": "diffcredit.data.digits:read",
    "folder": "diffcredit.data.folder:read",
}
OBJECTIVES = {
    "denoise": "diffcredit.training.objectives.denoise:Denoise",
}
PRUNERS = {
    "magnitude": "diffcredit.models.pruning:magnitude",
}
MEASURES = {
    "fid": "diffcredit.behaviors.fid:Fid",
    "inception_score": "diffcredit.behaviors.inception_score:InceptionScore",
    "entropy": "diffcredit.behaviors.entropy:Entropy",
}
ESTIMATORS = {
    "shapley_constrained": Estimator(
        "diffcredit.attribution.shapley:constrained", ("full", "none")
    ),
    "shapley_ridge": Estimator("diffcredit.attribution.shapley:ridge", ("full", "none")),
    "shapley_ridge_free": Estimator("diffcredit.attribution.shapley:ridge_free", ("full",)),
    "datamodel_ridge": Estimator("diffcredit.attribution.datamodel:ridge"),
}


def load(entries: Mapping[str, str | Estimator], name: str) -> Any:
    """Import the building block ``name`` of one of the tables above."""
    entry = entries[name]
    target = entry.target if isinstance(entry, Estimator) else entry
    module, attribute = target.split(":")
    return getattr(import_module(module), attribute)
