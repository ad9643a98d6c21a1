"""Pixels of image files: transparency, depth, color, and which files are images."""

import io
import logging
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from diffcredit import image_files, image_formats
from diffcredit.errors import UserError
from diffcredit.image_formats import RGB, WHITE


def random_pixels(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def read_image(path: Path, size: int, channels: int, background: RGB = WHITE) -> np.ndarray:
    return image_files.read([path], size, channels, background)[0]


@pytest.mark.parametrize("channels", [1, 3])
def test_gray_of_16_bits_is_scaled_not_clipped(tmp_path: Path, channels: int) -> None:
    ramp = np.arange(64, dtype=np.uint16).reshape(8, 8) * 1000
    Image.fromarray(ramp).save(tmp_path / "ramp.png")
    found = read_image(tmp_path / "ramp.png", 8, channels)
    np.testing.assert_array_equal(found, np.repeat(ramp[..., None] >> 8, channels, axis=2))


def save(pixels: np.ndarray, path: Path, mode: str | None = None) -> Path:
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(path)
    return path


def test_image_of_the_size_is_read_as_it_is(tmp_path: Path) -> None:
    pixels = random_pixels(8, 8, 3)
    np.testing.assert_array_equal(read_image(save(pixels, tmp_path / "a.png"), 8, 3), pixels)


def test_gray_image_becomes_color_and_color_becomes_gray(tmp_path: Path) -> None:
    pixels = random_pixels(8, 8)
    path = save(pixels, tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(path, 8, 3), np.repeat(pixels[..., None], 3, axis=2))
    path = save(np.repeat(pixels[..., None], 3, axis=2), tmp_path / "b.png")
    np.testing.assert_array_equal(read_image(path, 8, 1)[..., 0], pixels)


@pytest.mark.parametrize("upright", [True, False])
def test_oblong_image_is_cropped_to_its_middle(tmp_path: Path, upright: bool) -> None:
    """A white square between black ends."""
    pixels = np.zeros((8, 24), dtype=np.uint8)
    pixels[:, 8:16] = 255
    path = save(pixels.T if upright else pixels, tmp_path / "a.png")
    assert (read_image(path, 8, 1) == 255).all()
    assert (read_image(path, 4, 1) == 255).all()


def test_larger_image_is_averaged_down(tmp_path: Path) -> None:
    checkers = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)
    found = read_image(save(checkers, tmp_path / "a.png"), 8, 1)
    assert found.shape == (8, 8, 1)
    np.testing.assert_allclose(found[1:-1, 1:-1], 127.5, atol=5)


@pytest.mark.parametrize("mode", ["RGBA", "P", "LA", "1", "CMYK"])
def test_modes_of_real_files_are_read(tmp_path: Path, mode: str) -> None:
    suffix = "tif" if mode == "CMYK" else "png"
    path = save(random_pixels(8, 8, 3), tmp_path / f"a.{suffix}", mode)
    assert read_image(path, 8, 3).shape == (8, 8, 3)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "bmp", "tif"])
def test_truncated_image_is_told_by_name_wherever_it_is_cut(tmp_path: Path, suffix: str) -> None:
    path = save(random_pixels(16, 16, 3), tmp_path / f"broken.{suffix}")
    whole = path.read_bytes()
    for kept in np.linspace(0, len(whole) * 0.8, 40).astype(int):
        path.write_bytes(whole[:kept])
        with pytest.raises(UserError, match=r"broken\.[a-z]+ cannot be read as an image"):
            read_image(path, 16, 3)


def test_damaged_image_is_read_or_told_but_never_a_traceback(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    path = save(random_pixels(16, 16, 3), tmp_path / "broken.png")
    whole = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    told = []
    for _ in range(100):
        damaged = whole.copy()
        damaged[rng.integers(8, len(whole), 3)] = rng.integers(0, 256, 3)
        path.write_bytes(damaged.tobytes())
        try:
            assert read_image(path, 16, 3).shape == (16, 16, 3)
        except UserError as error:
            told.append("broken.png" in str(error))
    assert all(told)
    assert len(told) > 50


def test_image_too_large_to_be_true_is_told_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pillow refuses images above twice its limit of pixels."""
    path = save(random_pixels(30, 30), tmp_path / "bomb.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(UserError, match=r"bomb\.png cannot be read"):
        read_image(path, 8, 1)


def test_text_and_missing_file_are_told_by_name(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    with pytest.raises(UserError, match=r"a\.png cannot be read"):
        read_image(path, 8, 1)
    path.write_text("no image")
    with pytest.raises(UserError, match=r"a\.png cannot be read"):
        read_image(path, 8, 1)


#: A color, how much of it is seen, and what it is on white and on (0, 100, 200), by hand:
#: round((alpha * color + (255 - alpha) * background) / 255).
SEEN = [
    ((200, 30, 30, 0), (255, 255, 255), (0, 100, 200)),
    ((0, 0, 255, 255), (0, 0, 255), (0, 0, 255)),
    ((100, 200, 50, 51), (224, 244, 214), (20, 120, 170)),
    ((255, 0, 0, 102), (255, 153, 153), (102, 60, 120)),
    ((0, 0, 0, 204), (51, 51, 51), (0, 20, 40)),
]


@pytest.mark.parametrize(("color", "on_white", "on_blue"), SEEN)
@pytest.mark.parametrize("suffix", ["png", "webp", "tif", "tga", "avif"])
def test_transparent_pixels_are_on_the_background(
    tmp_path: Path, suffix: str, color: tuple, on_white: RGB, on_blue: RGB
) -> None:
    path = tmp_path / f"a.{suffix}"
    options = {"webp": {"lossless": True, "exact": True}, "avif": {"quality": 100}}
    Image.new("RGBA", (8, 8), color).save(path, **options.get(suffix, {}))
    tolerance = 6 if suffix == "avif" else 0  # It has no lossless color.
    for background, expected in ((WHITE, on_white), ((0, 100, 200), on_blue)):
        found = read_image(path, 8, 3, background).astype(int)
        assert np.abs(found - expected).max() <= tolerance


def _la() -> Image.Image:
    pixels = np.zeros((8, 8, 2), dtype=np.uint8)
    pixels[..., 0] = 250
    pixels[2:6, 2:6] = (100, 255)
    return Image.fromarray(pixels)


def _marked(mode: str, colors: tuple) -> Image.Image:
    """The square in the second color; the first is transparent."""
    image = Image.new(mode, (8, 8), colors[0])
    image.paste(colors[1], (2, 2, 6, 6))
    if mode == "P":
        image.putpalette([255, 0, 255, 100, 100, 100])
    return image


#: Ways in which a file says that its ground is transparent around a square of gray 100.
GROUNDS = {
    "LA": (_la(), "png", {}),
    "palette": (_marked("P", (0, 1)), "png", {"transparency": 0}),
    "palette with alpha": (_marked("P", (0, 1)), "png", {"transparency": bytes([0, 255])}),
    "gif": (_marked("P", (0, 1)), "gif", {"transparency": 0}),
    "gray with a clear level": (_marked("L", (7, 100)), "png", {"transparency": 7}),
    "color with a clear color": (
        _marked("RGB", ((9, 8, 7), (100, 100, 100))),
        "png",
        {"transparency": (9, 8, 7)},
    ),
    "16 bits with a clear level": (
        Image.fromarray(np.pad(np.full((4, 4), 25600, np.uint16), 2, constant_values=51000)),
        "png",
        {"transparency": 51000},
    ),
    "premultiplied": (
        Image.frombytes("RGBA", (8, 8), _la().convert("RGBA").convert("RGBa").tobytes()),
        "tif",
        {"tiffinfo": {338: 1}},
    ),
}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("ground", GROUNDS)
def test_every_kind_of_transparency(tmp_path: Path, ground: str, channels: int) -> None:
    image, suffix, options = GROUNDS[ground]
    path = tmp_path / f"a.{suffix}"
    image.save(path, **options)
    expected = np.pad(np.full((4, 4), 100), 2, constant_values=255)
    for background, level in ((WHITE, 255), ((40, 40, 40), 40)):
        found = read_image(path, 8, channels, background)
        wanted = np.where(expected == 255, level, expected)
        np.testing.assert_array_equal(found, np.repeat(wanted[..., None], channels, axis=2))


def test_transparent_image_is_put_on_the_background_before_it_is_resized(tmp_path: Path) -> None:
    """Black that nobody sees beside white that is seen stays white, however it is averaged."""
    pixels = np.zeros((16, 16, 4), dtype=np.uint8)
    pixels[:, ::2] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert (read_image(tmp_path / "a.png", 4, 3) == 255).all()


RAMP = (np.arange(64).reshape(8, 8) * 4).astype(np.uint8)
DEPTHS: dict[str, tuple[np.ndarray, np.ndarray]] = {
    "uint8": (RAMP, RAMP),
    "uint16": (RAMP.astype(np.uint16) * 257, RAMP),
    "big-endian uint16": (RAMP.astype(">u2") * 257, RAMP),
    "floats from 0 to 1": ((RAMP / 255).astype(np.float32), RAMP),
    "floats of zeros": (np.zeros((8, 8), np.float32), np.zeros((8, 8))),
    "1 bit": (RAMP > 100, np.where(RAMP > 100, 255, 0)),
}


@pytest.mark.parametrize("depth", DEPTHS)
def test_depths_are_scaled_by_their_range(tmp_path: Path, depth: str) -> None:
    stored, expected = DEPTHS[depth]
    Image.fromarray(stored).save(tmp_path / "a.tif")
    found = read_image(tmp_path / "a.tif", 8, 3)
    np.testing.assert_array_equal(found, np.repeat(expected[..., None], 3, axis=2))


@pytest.mark.parametrize(("maximum", "level"), [(65535, 127), (255, 127), (4095, 127)])
def test_gray_of_pnm_is_scaled_by_its_maximum(tmp_path: Path, maximum: int, level: int) -> None:
    wide = ">u2" if maximum > 255 else "u1"
    pixels = np.full((8, 8), maximum // 2, dtype=wide).tobytes()
    (tmp_path / "a.pgm").write_bytes(f"P5 8 8 {maximum}\n".encode() + pixels)
    assert np.abs(read_image(tmp_path / "a.pgm", 8, 1).astype(int) - level).max() <= 1


FLOATS = RAMP.astype(np.float32)
REFUSED: dict[str, tuple[np.ndarray, str]] = {
    "NaN": (np.where(RAMP > 100, np.nan, FLOATS / 255), "38 of its pixels are NaN or infinite"),
    "infinity": (np.where(RAMP == 0, -np.inf, FLOATS / 255), "1 of its pixels are NaN or infinite"),
    "floats to 252": (FLOATS, "span 0 to 252 \\(32-bit floats\\); accepted: floats from 0 to 1"),
    "floats below 0": (FLOATS / 126 - 1, "span -1 to 1 \\(32-bit floats\\)"),
    "int32": (RAMP.astype(np.int32), "span 0 to 252 \\(32-bit or signed integers\\)"),
    "int32 below 0": (RAMP.astype(np.int32) - 100, "span -100 to 152"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_range_that_is_not_known_is_refused_with_what_was_found(tmp_path: Path, kind: str) -> None:
    pixels, message = REFUSED[kind]
    stored = pixels.astype(np.float32) if pixels.dtype == np.float64 else pixels
    Image.fromarray(stored).save(tmp_path / "a.tif")
    with pytest.raises(UserError, match=rf"a\.tif cannot be read as an image: .*{message}"):
        read_image(tmp_path / "a.tif", 8, 3)


@pytest.mark.parametrize("mode", ["RGB", "CMYK", "YCbCr", "LAB", "P", "HSV"])
def test_colors_of_other_modes_are_right(tmp_path: Path, mode: str) -> None:
    color = (200, 60, 30)
    image = Image.new("RGB", (8, 8), color)
    if mode == "LAB":
        srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        image = ImageCms.profileToProfile(image, srgb, lab, outputMode="LAB")
    elif mode == "P":
        image = image.quantize(4)
    else:
        image = image.convert(mode)
    if mode == "HSV":  # No file has it.
        image = image.convert("RGB")
    image.save(tmp_path / "a.tif", compression="jpeg" if mode == "YCbCr" else "raw")
    found = read_image(tmp_path / "a.tif", 8, 3).astype(int)
    assert np.abs(found - color).max() <= 3


@pytest.mark.parametrize("orientation", range(1, 9))
def test_photo_is_upright_as_exif_says(tmp_path: Path, orientation: int) -> None:
    """A white top left corner, wherever the camera stored it."""
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    pixels = np.zeros((8, 8), dtype=np.uint8)
    pixels[:3, :2] = 255
    image = Image.fromarray(pixels)
    stored = image.transpose(turns[orientation]) if orientation in turns else image
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png", 8, 1)[..., 0], pixels)


def test_what_is_changed_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    frames = [Image.new("L", (8, 8), level) for level in (10, 200)]
    for name in ("a.gif", "b.tif", "c.webp"):
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
    Image.fromarray(RAMP.astype(np.uint16)).save(tmp_path / "dark.png")
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    Image.new("RGB", (8, 8)).save(tmp_path / "wide.png", icc_profile=profile)
    with caplog.at_level(logging.WARNING, "diffcredit"):
        found = image_files.read(sorted(tmp_path.iterdir()), 8, 1)
    assert (np.abs(found[:3].astype(int) - 10) <= 3).all()
    told = caplog.text
    assert "3 images with several frames or pages: only the first is read, first: a.gif" in told
    assert "1 image of 16 bits with no pixel above 4095" in told
    assert "1 image with the color profile 'XYZ" in told


def encoded(kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16), (9, 9, 9)).save(buffer, kind)
    return buffer.getvalue()


READ = ["PNG", "JPEG", "GIF", "WEBP", "AVIF", "TIFF", "BMP", "PPM", "JPEG2000", "ICO", "SGI"]
READ += ["DDS", "TGA", "QOI"]


@pytest.mark.parametrize("kind", READ)
def test_formats_are_known_by_their_bytes_and_read(tmp_path: Path, kind: str) -> None:
    name = "a.tga" if kind == "TGA" else "download.jpg_large"
    (tmp_path / name).write_bytes(encoded(kind))
    found = image_files.find(tmp_path)
    assert found.images == [name]
    assert image_files.read([tmp_path / name], 8, 3).shape == (1, 8, 8, 3)


TEXTS = [
    b"BMW, Audi, Opel: my notes on cars",
    b"P1 is a file that I made",
    b"II. Chapter",
    b"GIF or PNG?",
    b"",
    b"\x89PN",
    b"%PDF-1.7 and more",
    b"<svg xmlns='http://www.w3.org/2000/svg'/>",
]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("name", ["README", "notes.txt", "notes.csv"])
def test_texts_are_no_images(name: str, text: bytes) -> None:
    assert not image_formats.is_image(name, text[:16])


@pytest.mark.parametrize("name", ["a.heic", "a.HEIF", "a", "a.jpg", "a.hif"])
def test_heic_is_told_whatever_it_is_called(name: str) -> None:
    head = b"\0\0\0\x18ftypheic\0\0\0\0"
    assert not image_formats.is_image(name, head)
    assert image_formats.left_out(name, head) == ".heic"
    assert image_formats.may_be_image(".heic")


def test_all_broken_files_are_named_at_once(tmp_path: Path) -> None:
    paths = []
    for number in range(13):
        paths.append(tmp_path / f"{number:02d}.png")
        paths[-1].write_bytes(encoded("PNG")[: 40 + number])
    with pytest.raises(UserError) as error:
        image_files.read(paths, 8, 3)
    message = str(error.value)
    assert [f"{n:02d}.png" in message for n in range(13)] == [True] * 10 + [False] * 3
    assert "... and 3 more" in message
    assert message.count("Hint") == 1
