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


def load(entries: Mapping[str, str | Estimator], name: str) -> Any:
    """Import the building block ``name`` of one of the tables above."""
    entry = entries[name]
    target = entry.target if isinstance(entry, Estimator) else entry
    module, attribute = target.split(":")
    return getattr(import_module(module), attribute)
