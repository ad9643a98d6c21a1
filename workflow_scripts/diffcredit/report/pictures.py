"""Single images in figures."""

import numpy as np
from matplotlib.axes import Axes


def show(panel: Axes, pixels: np.ndarray) -> None:
    """Draw an image (h, w, c) uint8, gray or color, without a frame."""
    panel.imshow(np.broadcast_to(pixels, (*pixels.shape[:2], 3)), interpolation="nearest")
    panel.set(xticks=[], yticks=[])
    for spine in panel.spines.values():
        spine.set_visible(False)
