"""Which images are removed, and what is left."""

import numpy as np
import pytest

from diffcredit.config import Cluster, Removal
from diffcredit.data.images import Images
from diffcredit.data.removal import distinct, of_cluster, of_training
from diffcredit.errors import UserError

NAMES = ["anna", "ben", "7"]
CLASSES = ["wild", "tame", "0"]
FILES = [f"{name}/{number}.png" for name in ("cats", "dogs") for number in range(4)]


@pytest.fixture
def train() -> Images:
    """Eight images, each of its own gray."""
    pixels = np.arange(8, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 1), np.uint8)
    return Images(pixels, np.array([0, 0, 1, 1, 2, 2, 2, 2]), np.array([0, 1, 2, 0, 1, 2, 0, 1]))


@pytest.mark.parametrize(
    ("settings", "rows"),
    [
        (Removal(images=[5, 2]), [2, 5]),
        (Removal(images=["dogs/1.png", 2]), [2, 5]),
        (Removal(contributor="ben"), [1, 4, 7]),
        (Removal(contributor=1), [1, 4, 7]),
        (Removal(contributor="7"), [2, 5]),
        (Removal(contributor=7), [2, 5]),  # YAML reads names of digits as numbers.
        (Removal(contributor=0), [0, 3, 6]),
        (Removal(label=1), [2, 3]),
        (Removal(label=0), [4, 5, 6, 7]),
        (Removal(label="tame"), [2, 3]),
        (Removal(contributor=" b\u200ben "), [1, 4, 7]),
        (Removal(images=["dogs/1.png\u00a0", "cats/2.png"]), [2, 5]),
    ],
)
def test_removed_and_retained_are_all(settings: Removal, rows: list[int], train: Images) -> None:
    found = of_training(settings, train, FILES, NAMES, CLASSES)
    assert found.pixels[:, 0, 0, 0].tolist() == rows
    assert sorted([*found.retained, *rows]) == list(range(8))


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (Removal(images=[3, 8]), r"images = \[3, 8\]: 8 is no image; .* 0 to 7"),
        (Removal(images=["dogs/4.png"]), r"'dogs/4.png' is no image; .*'dogs/3.png'.* 0 to 7"),
        (Removal(contributor="bean"), "contributor = 'bean': .*did you mean 'ben'.* 0 to 2"),
        (Removal(contributor=3), "contributor = 3"),
        (Removal(label=4), "label = 4: must be one of: wild, tame, 0"),
        (Removal(label="1"), "label = '1'.*in quotes it is a name"),
        (Removal(images=list(range(8))), "are all images; none is left"),
    ],
)
def test_removals_that_cannot_be_made_are_told(settings: Removal, told: str, train: Images) -> None:
    with pytest.raises(UserError, match=told):
        of_training(settings, train, FILES, NAMES, CLASSES)


def clusters() -> tuple[np.ndarray, np.ndarray]:
    """Features of 30 images in a wide cluster at 0 and a tight one at 9, and their pixels."""
    rng = np.random.default_rng(0)
    wide, tight = rng.normal(0, 1, (20, 3)), rng.normal(9, 0.1, (10, 3))
    pixels = np.arange(30, dtype=np.uint8)[:, None, None, None]
    return np.concatenate([wide, tight]), pixels


def test_tightest_cluster_comes_first_and_its_training_images_go() -> None:
    features, pixels = clusters()
    train = np.array([[0.0, 0, 0], [8, 8, 8], [1, 0, 0], [9, 9, 9]])
    for number, drawn, retained in ((0, range(20, 30), [0, 2]), (1, range(20), [1, 3])):
        settings = Removal(cluster=Cluster(clusters=2, number=number))
        found = of_cluster(settings, pixels, features, train, seed=3)
        assert found.pixels.ravel().tolist() == list(drawn)
        assert found.retained.tolist() == retained


def test_image_by_itself_is_no_tight_cluster() -> None:
    features, pixels = clusters()
    features[25] = 50
    settings = Removal(cluster=Cluster(clusters=3))
    train = np.array([[0.0, 0, 0], [9, 9, 9]])
    found = of_cluster(settings, pixels, features, train, seed=3)
    assert found.pixels.ravel().tolist() == [20, 21, 22, 23, 24, 26, 27, 28, 29]
    alone = Removal(cluster=Cluster(clusters=3, number=2))
    with pytest.raises(UserError, match="no training image is nearest to this cluster"):
        of_cluster(alone, pixels, features, train, seed=3)


def test_cluster_of_all_training_images_and_too_many_clusters_are_told() -> None:
    features, pixels = clusters()
    settings = Removal(cluster=Cluster(clusters=2))
    with pytest.raises(UserError, match="none is left to retain"):
        of_cluster(settings, pixels, features, np.full((3, 3), 9.0), seed=0)
    with pytest.raises(UserError, match=r"clusters = 31: the full model drew 30 images"):
        of_cluster(Removal(cluster=Cluster(clusters=31)), pixels, features, features, seed=0)


def test_distinct_images_keep_their_order() -> None:
    pixels = np.array([3, 1, 3, 2, 1], dtype=np.uint8)[:, None, None, None]
    assert pixels[distinct(pixels)].ravel().tolist() == [3, 1, 2]
