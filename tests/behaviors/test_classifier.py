"""The classifier learns the digits, repeats, and survives its file."""

from pathlib import Path

import numpy as np
import pytest
import torch

from diffcredit import config
from diffcredit.behaviors import classifier
from diffcredit.behaviors.classifier import ClassifierNetwork, normalized
from diffcredit.behaviors.extractors.classifier import ClassifierFeatures
from diffcredit.behaviors.image_features import ImageFeatures
from diffcredit.data.images import Images
from diffcredit.errors import UserError


def as_tensor(images: Images, part: slice) -> torch.Tensor:
    return torch.from_numpy(images.pixels[part]).permute(0, 3, 1, 2)


def test_it_recognizes_digits_that_it_has_not_seen(
    trained: tuple[ClassifierNetwork, float], digits: Images
) -> None:
    network, told = trained
    with torch.inference_mode():
        logits = network(normalized(as_tensor(digits, slice(1500, None))))
    accuracy = (logits.argmax(1).numpy() == digits.labels[1500:]).mean()
    assert accuracy > 0.9
    assert told > 0.9


def test_training_repeats_with_its_seed_and_leaves_the_global_one(digits: Images) -> None:
    few = Images(digits.pixels[:200], digits.labels[:200], digits.contributors[:200])
    settings = config.Classifier(channels=4, features=8, steps=5, batch_size=16)
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    first, again, other = (classifier.train(few, settings, seed)[0] for seed in (0, 0, 1))
    assert torch.equal(torch.random.get_rng_state(), before)
    for name, weight in first.state_dict().items():
        assert torch.equal(weight, again.state_dict()[name])
    assert not torch.equal(first.output.weight, other.output.weight)


@pytest.mark.parametrize("label", [0, 5])
@pytest.mark.parametrize("count", [1, 20])
def test_images_of_one_label_train_no_classifier(
    digits: Images, settings: config.Classifier, label: int, count: int
) -> None:
    labels = np.full(count, label)
    with pytest.raises(UserError, match="2 labels"):
        classifier.train(Images(digits.pixels[:count], labels, labels), settings, 0)


def test_features_do_not_depend_on_the_batch(
    trained: tuple[ClassifierNetwork, float], digits: Images
) -> None:
    images = as_tensor(digits, slice(0, 40))
    whole, parts = (ClassifierFeatures.of_network(trained[0], "cpu") for _ in range(2))
    parts.batch_size = 7
    np.testing.assert_allclose(
        ImageFeatures(images, whole).features,
        ImageFeatures(images, parts).features,
        rtol=1e-5,
        atol=1e-6,
    )


def test_classifier_gives_features_and_probabilities(
    extractor: ClassifierFeatures, digits: Images
) -> None:
    found = ImageFeatures(as_tensor(digits, slice(0, 30)), extractor)
    assert found.features.shape == (30, 32)
    assert found.features.dtype == np.float64
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1)
    assert (found.probabilities.argmax(axis=1) == digits.labels[:30]).mean() > 0.8


def test_round_trip(
    tmp_path: Path, trained: tuple[ClassifierNetwork, float], digits: Images
) -> None:
    classifier.save(trained[0], tmp_path / "classifier", {"held_out_accuracy": 0.9})
    images = as_tensor(digits, slice(0, 40))
    back = ImageFeatures(images, ClassifierFeatures(tmp_path / "classifier", "cpu"))
    before = ImageFeatures(images, ClassifierFeatures.of_network(trained[0], "cpu"))
    np.testing.assert_array_equal(back.features, before.features)
    np.testing.assert_array_equal(back.probabilities, before.probabilities)


@pytest.mark.parametrize("file", ["weights.safetensors", "config.json"])
def test_broken_file_is_told_by_name(
    tmp_path: Path, trained: tuple[ClassifierNetwork, float], file: str
) -> None:
    classifier.save(trained[0], tmp_path / "classifier", {})
    path = tmp_path / "classifier" / file
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(UserError, match=file):
        classifier.load(tmp_path / "classifier")


def test_weights_of_other_sizes_are_told_by_name(
    tmp_path: Path, trained: tuple[ClassifierNetwork, float]
) -> None:
    classifier.save(trained[0], tmp_path / "a", {})
    classifier.save(ClassifierNetwork(1, 8, 16, 10), tmp_path / "b", {})
    (tmp_path / "b" / "config.json").replace(tmp_path / "a" / "config.json")
    with pytest.raises(UserError, match=r"weights\.safetensors holds the weights of another"):
        classifier.load(tmp_path / "a")


#: Share of right answers, labels of the images held out -> whether it is no better than a guess.
GUESSES = {
    "seven percent of ten classes": (0.07, [*range(10)] * 10, True),
    "the most frequent class": (0.8, [0] * 80 + [1] * 20, True),
    "a little more, few images": (0.6, [0, 1] * 5, True),
    "a little more, many images": (0.6, [0, 1] * 500, False),
    "three quarters of ten classes": (0.75, [*range(10)] * 10, False),
    "all of them": (1.0, [*range(4)] * 5, False),
    "all, of one image": (1.0, [3], True),
}


@pytest.mark.parametrize("case", GUESSES)
def test_a_classifier_that_guesses_is_told(case: str) -> None:
    accuracy, labels, told = GUESSES[case]
    doubt = classifier._doubt(accuracy, np.array(labels))
    assert (doubt is not None) == told
    if doubt:
        share = max(labels.count(label) for label in labels) / len(labels)
        assert f"{accuracy:.0%} of {len(labels)} images" in doubt
        assert f"reaches {share:.0%}" in doubt


def test_training_on_labels_that_images_do_not_show_warns(
    digits: Images, caplog: pytest.LogCaptureFixture
) -> None:
    shuffled = np.random.default_rng(0).permutation(digits.labels[:300])
    images = Images(digits.pixels[:300], shuffled, digits.contributors[:300])
    few = config.Classifier(channels=4, features=8, steps=5, batch_size=16)
    classifier.train(images, few, seed=0)
    assert "guessing the most frequent label" in caplog.text
