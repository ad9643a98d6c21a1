"""The interface of methods that score training images."""

from __future__ import annotations

from typing import ClassVar, Literal

from diffcredit.config.options import Implementation


class ScoreMethod(Implementation):
    """A method that scores single training images for queries.

    Attributes:
        made_of: the input of the method: "gradients", an entry of that section; "features" of an
            extractor; "pixels"; or "model", the network itself.
        dampings: the default grid of dampings; empty for a method without damping.
        groups: the default aggregation of the scores of a contributor's images: "sum", or "mean"
            where a sum would merely count images.
        residuals: whether the method needs the residuals of the training images.
        trajectory: whether the gradients of queries are computed at the clean images that the model
            predicts along their sampling trajectory.
        function: the only function of predictions whose gradients the method accepts; None for any.
        rated: whether snapshots are weighted by their learning rates; otherwise equally.
    """

    made_of: ClassVar[Literal["gradients", "features", "pixels", "model"]]
    dampings: ClassVar[tuple[float, ...]] = ()
    groups: ClassVar[Literal["sum", "mean"]] = "sum"
    residuals: ClassVar[bool] = False
    trajectory: ClassVar[bool] = False
    function: ClassVar[str | None] = None
    rated: ClassVar[bool] = False
