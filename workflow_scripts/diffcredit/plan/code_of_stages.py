"""The code of each stage: a digest where it is cheap, a number where models are at stake."""

from collections.abc import Mapping

from diffcredit.code import LIBRARY, digest

#: Raise the number of a stage when its results change: imports are not tracked, and models are too
#: dear to be made again for a change of code that leaves them as they are.
VERSIONS = {
    "data": 4,
    "encode": 1,
    "classifier": 1,
    "training": 2,
    "pruning": 1,
    "coalitions": 1,
    "sampling": 1,
    "queries": 2,
    "losses": 1,
    "unlearning": 3,
    "gradients": 1,
    # Gradients along the sampling trajectory.
    "journeys": 2,
    "ekfac": 1,
}


def _scripts(*names: str) -> list[str]:
    return [f"../{name}.py" for name in names]


#: Files and folders whose code a cheap stage depends on, relative to the library.
PARTS = {
    "behaviors": ["behaviors", *_scripts("score", "gather", "records")],
    "attributions": [
        *[f"attribution/{path.name}" for path in sorted(LIBRARY.glob("attribution/*.py"))],
        "behaviors/table.py",
        "coalitions.py",
        *_scripts("attribution", "enough"),
    ],
    "scores": [
        "attribution/image_scores",
        "attribution/similarity",
        "attribution/gradients/scores.py",
        "attribution/gradients/store.py",
        "attribution/table.py",
        "attribution/game.py",
        "behaviors/table.py",
        "behaviors/evidence.py",
        "ranks.py",
        *_scripts("gradient_scores", "similarity", "scored"),
    ],
    # Models are made of these, so nothing else of the evaluation may count.
    "counterfactual_coalitions": [
        "evaluation/asked.py",
        "evaluation/counterfactual.py",
        *_scripts("counterfactual_coalitions"),
    ],
    "regenerated_coalitions": [
        "evaluation/asked.py",
        "evaluation/proponents_removed.py",
        *_scripts("regenerated_coalitions"),
    ],
    "evaluation": [
        "evaluation",
        "behaviors/table.py",
        "ranks.py",
        "steps.py",
        *_scripts("lds", "planted", "cost", "convergence", "dampings", "counterfactual"),
        *_scripts("regenerated", "verdict"),
    ],
    "figures": [
        "report",
        "evaluation/unlearning.py",
        *_scripts(*[f"figure_{name}" for name in ("attributions", "cost", "lds", "samples")]),
        *_scripts(*[f"figure_{name}" for name in ("tables", "convergence", "dampings")]),
        *_scripts(*[f"figure_{name}" for name in ("counterfactual", "regenerated")]),
        *_scripts(*[f"figure_{name}" for name in ("proponents", "unlearning")]),
    ],
}


class Code:
    """Digests of what the code of cheap stages does; comments and docstrings do not count.

    Args:
        known: those that are known, by stage; others are computed when they are asked for.
    """

    def __init__(self, known: Mapping[str, str] | None = None):
        self.known = dict(known or {})

    def __call__(self, *stages: str) -> dict[str, str]:
        """The digest of each stage."""
        for stage in stages:
            if stage not in self.known:
                self.known[stage] = digest(*PARTS[stage])
        return {stage: self.known[stage] for stage in stages}
