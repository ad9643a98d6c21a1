"""What an attribution by scores of images asks of a method."""

from __future__ import annotations

from typing import ClassVar, Literal

from diffcredit.config.options import Implementation


class ScoreMethod(Implementation):
    """Scores single training images for queries; see its kinds below.

    Attributes:
        made_of: what it is made of: "gradients", an entry of that section; "features" of an
            extractor; "pixels"; "model", the network itself.
        dampings: the grid that is tried where the configuration names none; empty for a method
            without a damping.
        groups: how the scores of a contributor's images come together where the configuration does
            not say: "sum", or "mean" where a sum would count images.
        residuals: whether it needs the residuals of the training images, too.
        trajectory: whether the gradients of queries are taken on the clean images that are
            predicted along their sampling trajectory.
        function: the one function of predictions whose gradients it takes; None for any.
        rated: whether snapshots count by their learning rates; all alike where not.
    """

    made_of: ClassVar[Literal["gradients", "features", "pixels", "model"]]
    dampings: ClassVar[tuple[float, ...]] = ()
    groups: ClassVar[Literal["sum", "mean"]] = "sum"
    residuals: ClassVar[bool] = False
    trajectory: ClassVar[bool] = False
    function: ClassVar[str | None] = None
    rated: ClassVar[bool] = False
