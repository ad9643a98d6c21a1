"""Extractors with others' networks: tiny ones of random weights, saved in the published formats."""

import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from cleanfid.resize import make_resizer
from PIL import Image
from torch import nn
from torchvision import transforms
from transformers import (
    BlipConfig,
    BlipForQuestionAnswering,
    CLIPConfig,
    CLIPModel,
    CLIPTokenizer,
)

from diffcredit.behaviors.clip_iqa import ClipIqa
from diffcredit.behaviors.clip_prompt import ClipPrompt
from diffcredit.behaviors.extractor import Extractor
from diffcredit.behaviors.extractors.blip import Blip
from diffcredit.behaviors.extractors.clip import Clip
from diffcredit.behaviors.extractors.hub import normalize
from diffcredit.behaviors.extractors.inception import Inception
from diffcredit.behaviors.extractors.pixels import Pixels
from diffcredit.behaviors.extractors.resizing import resize
from diffcredit.behaviors.extractors.sscd import Sscd
from diffcredit.behaviors.image_features import ImageFeatures
from diffcredit.errors import UserError
from diffcredit.registry import EXTRACTORS

SMALL = {
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
}
TEXT = {"vocab_size": 6, "max_position_embeddings": 10, "bos_token_id": 0, "eos_token_id": 1}
VISION = {"image_size": 16, "patch_size": 8, "initializer_range": 0.2}


def random_images(channels: int, side: int, count: int = 5) -> torch.Tensor:
    generator = torch.Generator().manual_seed(side)
    shape = (count, channels, side, side)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)


@pytest.fixture(scope="module")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clip")
    torch.manual_seed(0)
    config = CLIPConfig(
        text_config=SMALL | TEXT | {"pad_token_id": 1},
        vision_config=SMALL | VISION,
        projection_dim=8,
    )
    CLIPModel(config).save_pretrained(folder)
    (folder / "vocab.json").write_text(
        '{"<|startoftext|>": 0, "<|endoftext|>": 1, "a": 2, "a</w>": 3, "b": 4, "b</w>": 5}'
    )
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return folder


@pytest.fixture(scope="module")
def blip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("blip")
    torch.manual_seed(0)
    text = SMALL | TEXT | {"encoder_hidden_size": 16, "pad_token_id": 1, "sep_token_id": 1}
    config = BlipConfig(text_config=text, vision_config=SMALL | VISION, projection_dim=8)
    BlipForQuestionAnswering(config).save_pretrained(folder)
    return folder


class Program(nn.Module):
    """Has the parts and the signature of the published Inception program."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 8, 13, stride=13), nn.ReLU(), nn.AdaptiveAvgPool2d(1)
        )
        self.output = nn.Linear(8, 5)

    def forward(
        self, images: torch.Tensor, return_features: bool = False, no_output_bias: bool = False
    ) -> torch.Tensor:
        """Of images of 0..255: features, or probabilities."""
        features = self.layers((images - 128) / 128).reshape(-1, 8)
        if return_features:
            return features
        logits = self.output(features)
        if no_output_bias:
            logits = logits - self.output.bias
        return torch.softmax(logits, dim=1)


@pytest.fixture(scope="module")
def inception_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("inception") / "inception.pt"
    torch.manual_seed(0)
    scripted(Program(), path)
    return path


@pytest.mark.parametrize("side", [8, 32, 299, 400])
def test_resizing_is_clean_fids(side: int) -> None:
    theirs = make_resizer("PIL", False, "bicubic", (299, 299))
    images = random_images(3, side, 2)
    expected = np.stack([theirs(image.permute(1, 2, 0).numpy()) for image in images])
    found = resize(images, 299).permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(found, expected, atol=0.01)


def test_inception_gives_what_the_program_gives(inception_file: Path) -> None:
    found = ImageFeatures(random_images(3, 299), Inception(inception_file, "cpu"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.jit.load(inception_file)
    with torch.inference_mode():
        features = program(found.images.float(), return_features=True)
        probabilities = program(found.images.float(), no_output_bias=True)
    np.testing.assert_allclose(found.features, features, atol=1e-5)
    np.testing.assert_allclose(found.probabilities, probabilities, atol=1e-5)


def test_other_files_are_no_inception(tmp_path: Path) -> None:
    path = tmp_path / "inception.pt"
    path.write_bytes(b"abc")
    with pytest.raises(UserError, match=r"inception\.pt cannot be read as a TorchScript"):
        Inception(path, "cpu")
    scripted(nn.Linear(2, 2), path)
    with pytest.raises(UserError, match="not the published Inception"):
        Inception(path, "cpu")


class Descriptor(nn.Module):
    """As the published SSCD program does, gives directions of normalized images of any size."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Conv2d(3, 8, 16, stride=16)
        self.embeddings = nn.Linear(8, 6)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(n, 6)."""
        pooled = self.backbone(images).clamp(min=0).mean(dim=[2, 3])
        return nn.functional.normalize(self.embeddings(pooled))


@pytest.fixture(scope="module")
def sscd_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sscd") / "sscd_disc_mixup.torchscript.pt"
    torch.manual_seed(0)
    scripted(Descriptor(), path)
    return path


def scripted(network: nn.Module, path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(network.eval()), path)


@pytest.mark.parametrize("side", [8, 32, 288, 400])
def test_sscd_prepares_images_as_its_authors(sscd_file: Path, side: int) -> None:
    """With Pillow, whose resized pixels may be another whole number where half of one is near."""
    published = transforms.Compose(
        [
            transforms.Resize(288),
            transforms.ToTensor(),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )
    images = random_images(3, side, 2)
    prepared = [published(Image.fromarray(i.permute(1, 2, 0).numpy())) for i in images]
    extractor = Sscd(sscd_file, "cpu")
    given = []
    network = extractor.network
    extractor.network = lambda batch: given.append(batch) or network(batch)
    found = ImageFeatures(images, extractor).features
    one_level = 1 / 255 / 0.224
    torch.testing.assert_close(given[0], torch.stack(prepared), rtol=0, atol=1.05 * one_level)
    assert (given[0] - torch.stack(prepared)).abs().mean() < 0.05 * one_level
    with torch.inference_mode():
        expected = network(torch.stack(prepared))
    np.testing.assert_allclose(found, expected, atol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-5)


def test_other_files_are_no_sscd(tmp_path: Path) -> None:
    path = tmp_path / "sscd.pt"
    path.write_bytes(b"abc")
    with pytest.raises(UserError, match=r"sscd\.pt cannot be read as a TorchScript"):
        Sscd(path, "cpu")
    scripted(nn.Linear(2, 2), path)
    with pytest.raises(UserError, match="not the published SSCD network"):
        Sscd(path, "cpu")
    scripted(nn.Conv2d(3, 2, 5), path)
    with pytest.raises(UserError, match="makes no descriptors"):
        Sscd(path, "cpu")


def test_clip_embeds_images_and_texts_as_the_model_does(clip_folder: Path) -> None:
    extractor = Clip(clip_folder, "cpu")
    images = random_images(3, 16)
    model = CLIPModel.from_pretrained(clip_folder).eval()
    tokens = CLIPTokenizer.from_pretrained(clip_folder)(["a b"], return_tensors="pt")
    with torch.inference_mode():
        whole = model(pixel_values=normalize(images.float()), **tokens)
    found = ImageFeatures(images, extractor)
    np.testing.assert_allclose(found.directions, whole.image_embeds, atol=1e-6)
    text = extractor.embed_text("a b")
    torch.testing.assert_close(text / text.norm(), whole.text_embeds)
    expected = (whole.image_embeds @ whole.text_embeds.T).mean().item()
    assert ClipPrompt(found, prompt="a b")(found) == pytest.approx(expected, abs=1e-6)


def test_clip_iqa_asks_the_model_for_good_and_bad(clip_folder: Path) -> None:
    found = ImageFeatures(random_images(3, 16), Clip(clip_folder, "cpu"))
    texts = [found.extractor.embed_text(text) for text in ("Good photo.", "Bad photo.")]
    cosines = [torch.cosine_similarity(torch.from_numpy(found.features), text) for text in texts]
    expected = torch.softmax(100 * torch.stack(cosines), dim=0)[0].mean().item()
    assert ClipIqa(found)(found) == pytest.approx(expected, abs=1e-4)


def test_long_prompts_are_cut(clip_folder: Path) -> None:
    assert Clip(clip_folder, "cpu").embed_text("a " * 100).shape == (1, 8)


def test_blip_embeds_as_its_vision_model(blip_folder: Path) -> None:
    images = random_images(3, 16)
    model = BlipForQuestionAnswering.from_pretrained(blip_folder).eval().vision_model
    with torch.inference_mode():
        expected = model(pixel_values=normalize(images.float())).pooler_output
    found = ImageFeatures(images, Blip(blip_folder, "cpu")).features
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.fixture(params=["inception", "clip", "blip", "sscd"])
def foreign(
    request: pytest.FixtureRequest,
    inception_file: Path,
    clip_folder: Path,
    blip_folder: Path,
    sscd_file: Path,
) -> Extractor:
    """One extractor after the other."""
    return {
        "inception": lambda: Inception(inception_file, "cpu"),
        "clip": lambda: Clip(clip_folder, "cpu"),
        "blip": lambda: Blip(blip_folder, "cpu"),
        "sscd": lambda: Sscd(sscd_file, "cpu"),
    }[request.param]()


def test_gray_images_are_images_of_three_equal_channels(foreign: Extractor) -> None:
    gray = random_images(1, 8)
    found = ImageFeatures(gray, foreign).features
    np.testing.assert_array_equal(found, ImageFeatures(gray.repeat(1, 3, 1, 1), foreign).features)


def test_features_tell_images_apart_and_do_not_depend_on_the_batch(foreign: Extractor) -> None:
    images = random_images(1, 8)
    whole = ImageFeatures(images, foreign).features
    assert np.ptp(whole, axis=0).max() > 1e-3
    foreign.batch_size = 2
    np.testing.assert_allclose(ImageFeatures(images, foreign).features, whole, atol=1e-5)


def test_pixels_are_numbers_between_0_and_1() -> None:
    images = random_images(3, 4)
    found = ImageFeatures(images, Pixels()).features
    np.testing.assert_array_equal(found, images.numpy().reshape(5, 48) / 255)


def test_registry_says_what_extractors_give() -> None:
    for extractor in EXTRACTORS.values():
        gives = extractor.gives
        assert ("probabilities" in gives) == (extractor.logits is not Extractor.logits)
        assert ("texts" in gives) == (extractor.embed_text is not Extractor.embed_text)


@pytest.fixture
def copied(clip_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(clip_folder, tmp_path / "copy"))


@pytest.mark.parametrize("file", ["config.json", "model.safetensors"])
def test_missing_and_broken_files_are_told_by_name(copied: Path, file: str) -> None:
    (copied / file).write_bytes(b"{")
    with pytest.raises(UserError, match=f"{copied} cannot be read as CLIPModel"):
        Clip(copied, "cpu")
    (copied / file).unlink()
    with pytest.raises(UserError, match=f"lacks {file}"):
        Clip(copied, "cpu")


def test_without_a_tokenizer_texts_are_refused(copied: Path) -> None:
    """Transformers makes an empty one, to which all texts are alike."""
    (copied / "merges.txt").unlink()
    extractor = Clip(copied, "cpu")
    assert ImageFeatures(random_images(1, 8), extractor).features.shape == (5, 8)
    with pytest.raises(UserError, match=r"lacks tokenizer\.json"):
        extractor.embed_text("a b")


def test_weights_that_lack_tensors_are_refused(copied: Path) -> None:
    """Transformers fills them with random numbers."""
    from safetensors.torch import load_file, save_file

    weights = load_file(copied / "model.safetensors")
    weights.pop("visual_projection.weight")
    save_file(weights, copied / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match=r"lack 1 tensors, such as visual_projection\.weight"):
        Clip(copied, "cpu")


def test_models_of_another_architecture_are_refused(clip_folder: Path) -> None:
    with pytest.raises(UserError, match=str(clip_folder)):
        Blip(clip_folder, "cpu")
