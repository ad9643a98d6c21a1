"""The dataset's own feature extractor: a small classifier, trained on clean images."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from diffcredit import config
from diffcredit.data.images import Images
from diffcredit.data.tensors import channels_first
from diffcredit.errors import UserError
from diffcredit.files import read_json, read_tensors, whole, write_json, write_tensors
from diffcredit.logs import logger
from diffcredit.models.checkpoints import CONFIG, WEIGHTS, load_weights


class ClassifierNetwork(nn.Module):
    """Two convolutions with pooling and one hidden layer, whose values are the features."""

    def __init__(self, in_channels: int, channels: int, features: int, classes: int):
        super().__init__()
        self.sizes = {
            "in_channels": in_channels,
            "channels": channels,
            "features": features,
            "classes": classes,
        }
        self.hidden = nn.Sequential(
            nn.Conv2d(in_channels, channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, 2 * channels, 3, padding=1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(4),
            nn.Flatten(),
            nn.Linear(32 * channels, features),
            nn.ReLU(),
        )
        self.output = nn.Linear(features, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(n, classes) logits of (n, c, h, w) images in [-1, 1]."""
        return self.output(self.hidden(images))


def normalized(images: torch.Tensor) -> torch.Tensor:
    """(n, c, h, w) float32 in [-1, 1] of uint8 images."""
    return images.to(torch.float32) / 127.5 - 1


def train(
    images: Images, settings: config.Classifier, seed: int
) -> tuple[ClassifierNetwork, float]:
    """Train a classifier on 9 of 10 images.

    Returns:
        The classifier, and its accuracy on the held-out tenth of the images.

    Raises:
        UserError: if all images have the same label.
    """
    if len(np.unique(images.labels)) < 2:
        raise UserError(
            "the classifier needs images of at least 2 labels\n"
            "    Hint: labels are the subfolders, or the contributors of the CSV table"
        )
    classes = int(images.labels.max()) + 1
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(images.labels))
    held, used = np.array_split(order, [max(1, len(order) // 10)])
    pixels = normalized(channels_first(images.pixels))
    labels = torch.tensor(images.labels)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = ClassifierNetwork(pixels.shape[1], settings.channels, settings.features, classes)
    _fit(network, pixels[used], labels[used], settings, rng)
    with torch.inference_mode():
        accuracy = float((network(pixels[held]).argmax(1) == labels[held]).float().mean())
    if doubt := _doubt(accuracy, images.labels[held]):
        logger.warning("%s", doubt)
    return network.eval(), accuracy


def _doubt(accuracy: float, labels: np.ndarray) -> str | None:
    """A warning about a classifier that is not better than guessing, for (n,) labels."""
    guess = np.bincount(labels).max() / len(labels)
    # One-sided test at 5% against always guessing the most frequent label.
    chance = guess + 1.645 * np.sqrt(guess * (1 - guess) / len(labels))
    if accuracy > chance:
        return None
    if chance >= 1:
        return (
            f"the classifier recognizes {accuracy:.0%} of {len(labels)} images held out, too few "
            f"to tell from a guess, which reaches {guess:.0%}: nobody knows whether what is "
            "measured through it means anything\n"
            "  Hint: more images, or another extractor for the behaviors"
        )
    return (
        f"the classifier recognizes {accuracy:.0%} of {len(labels)} images held out; guessing the "
        f"most frequent label reaches {guess:.0%}: what is measured through it means little\n"
        "  Hint: labels that the images show, more classifier.steps, or another extractor for "
        "the behaviors"
    )


def _fit(
    network: ClassifierNetwork,
    pixels: torch.Tensor,
    labels: torch.Tensor,
    settings: config.Classifier,
    rng: np.random.Generator,
) -> None:
    optimizer = torch.optim.Adam(network.parameters(), lr=settings.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, settings.steps)
    for _ in range(settings.steps):
        rows = torch.from_numpy(rng.integers(0, len(labels), settings.batch_size))
        loss = nn.functional.cross_entropy(network(pixels[rows]), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()


def save(network: ClassifierNetwork, folder: str | Path, facts: dict[str, Any]) -> None:
    """Write the classifier as safetensors and JSON."""
    with whole(folder) as part:
        part.mkdir()
        write_tensors(copy.copy(network.state_dict()), part / WEIGHTS)
        write_json({"sizes": network.sizes, "facts": facts}, part / CONFIG)


def load(folder: str | Path) -> ClassifierNetwork:
    """Read a classifier, or raise `UserError` naming the broken file."""
    folder = Path(folder)
    try:
        network = ClassifierNetwork(**read_json(folder / CONFIG)["sizes"])
    except (KeyError, TypeError) as error:
        raise UserError(f"{folder / CONFIG} does not describe a classifier: {error}") from error
    weights, _ = read_tensors(folder / WEIGHTS)
    load_weights(network, weights, folder / WEIGHTS)
    return network.eval()
