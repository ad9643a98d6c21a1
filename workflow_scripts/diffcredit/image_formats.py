"""Image files: which are read, known by their first bytes, and their pixels as people see them."""

import io
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageCms, ImageOps

from diffcredit.errors import UserError

#: What Pillow raises where bytes are no image, or a broken one.
UNREADABLE = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    NotImplementedError,
    MemoryError,
    struct.error,
    Image.DecompressionBombError,
    ImageCms.PyCMSError,
)
#: Formats of pictures that Pillow reads by itself. Others of Pillow's start programs (EPS), only
#: name a file without reading it, or are of data.
FORMATS = (
    "PNG",
    "JPEG",
    "GIF",
    "WEBP",
    "AVIF",
    "TIFF",
    "BMP",
    "PPM",
    "JPEG2000",
    "ICO",
    "PSD",
    "QOI",
    "SGI",
    "DDS",
    "TGA",
)
#: How Targa files end; their first bytes do not tell.
TARGA = (".tga", ".icb", ".vda", ".vst")
#: Endings of images that are not read, in any of the ways of writing them.
NOT_READ = frozenset(
    f".{suffix}"
    for suffix in (
        *("heic", "heif", "hif", "svg", "svgz", "eps", "ps", "pdf", "ai", "jxl", "exr", "hdr"),
        *("cr2", "cr3", "nef", "arw", "dng", "raf", "orf", "rw2", "raw", "xcf", "kra", "emf"),
        *("wmf", "djvu", "mp4", "mov", "avi", "mkv", "webm", "mpg", "mpeg", "m4v", "zip", "tar"),
        *("gz", "tgz", "7z", "rar", "npy", "npz", "mat", "h5", "hdf5", "parquet", "tfrecord"),
        *("lmdb", "dcm", "nii", "fits", "xbm", "xpm", "pcx"),
    )
)
#: Brands of HEIF files (ISO/IEC 23008-12), which Pillow does not read.
HEIF = frozenset({b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis"})
#: Brands of HEIF as well as of AVIF files.
EITHER = frozenset({b"mif1", b"msf1"})
#: 16-bit gray below this is nearly black: its first 4 bits are zeros; of 8 bits what is left.
DARK, DARK_IN_8_BITS = 2**12, 2**4

#: Bytes of the shortest beginning that is one of an image.
LEAST = 4

RGB = tuple[int, int, int]
WHITE: RGB = (255, 255, 255)


#: What first bytes must be besides, where Pillow takes a text for an image that begins like one.
STRICTER: dict[str, re.Pattern[bytes]] = {
    "PPM": re.compile(rb"P[1-6fF]\s+[-\d#]"),
    "BMP": re.compile(rb"BM.{4}\0{4}", re.DOTALL),
}


@lru_cache
def _recognizers() -> dict[str, Callable[[bytes], Any]]:
    Image.init()
    found = {name: Image.OPEN[name][1] for name in FORMATS if name in Image.OPEN}
    return {name: accept for name, accept in found.items() if accept}


def is_image(name: str, head: bytes) -> bool:
    """Whether a file is read as an image: by its first 16 bytes, whatever it is called.

    A file that is called as an image and is none counts, too, since it is broken.
    """
    suffix = _suffix(name)
    if _is_heif(suffix, head):
        return False
    return _is_known(head) or suffix in TARGA or _is_named_so(suffix)


def _suffix(name: str) -> str:
    """As `Path.suffix`, in lower case; folders of a hundred thousand files ask for it."""
    stem, _, suffix = name.rpartition("/")[2].rpartition(".")
    return f".{suffix.lower()}" if stem and suffix else ""


@lru_cache(maxsize=4096)
def _is_known(head: bytes) -> bool:
    return any(
        accept(head) is True and (kind not in STRICTER or STRICTER[kind].match(head))
        for kind, accept in _recognizers().items()
        if len(head) >= LEAST
    )


def left_out(name: str, head: bytes) -> str:
    """What to call a file that is not read, as ".gif"."""
    suffix = _suffix(name)
    if _is_heif(suffix, head):
        return ".heic"
    return suffix or "file without a suffix"


def may_be_image(kind: str) -> bool:
    """Whether files of a kind that `left_out` tells may hold images."""
    return kind in NOT_READ


def _is_heif(suffix: str, head: bytes) -> bool:
    brands = HEIF | EITHER if suffix in (".heic", ".heif", ".hif") else HEIF
    return head[4:8] == b"ftyp" and head[8:12] in brands


@lru_cache
def _is_named_so(suffix: str) -> bool:
    Image.init()
    return Image.EXTENSION.get(suffix) in FORMATS


@dataclass
class Remarks:
    """What is worth telling of images that were read: the names of files, by what was done.

    Attributes:
        changes: what was done to images, as it is to be done.
        doubts: what may not be meant.
    """

    changes: dict[str, list[str]] = field(default_factory=dict)
    doubts: dict[str, list[str]] = field(default_factory=dict)

    def change(self, remark: str, name: str) -> None:
        """Note what was done to a file."""
        self.changes.setdefault(remark, []).append(name)

    def doubt(self, remark: str, name: str) -> None:
        """Note what may not be meant of a file."""
        self.doubts.setdefault(remark, []).append(name)


def lines(remarks: dict[str, list[str]]) -> list[str]:
    """A line for each remark, with how many files it is about and the first."""
    return [
        f"{len(names)} {'image' if len(names) == 1 else 'images'} {remark}, first: {names[0]}"
        for remark, names in remarks.items()
    ]


FIRST_FRAME = "with several frames or pages: only the first is read"
TOO_DARK = "of 16 bits with no pixel above 4095 of 65535: nearly black"
PROFILE = "with the color profile {}, which is ignored: read as sRGB"
TRANSPARENT = "with transparent pixels: put on the background {}"
WIDE = "of 16 bits a channel: scaled to 8 by the range of their format"
FLOATS = "of 32-bit floats: scaled from 0..1 to 0..255"
CROPPED = "not square: cropped to the middle"
ENLARGED = "smaller than {size}x{size}: enlarged"


def read(path: Path, size: int, channels: int, background: RGB, remarks: Remarks) -> np.ndarray:
    """The pixels of a file as (size, size, channels) uint8: center-cropped to a square, resized.

    Of several frames the first; upright as EXIF says; transparent pixels on the background.

    Raises:
        ValueError: or another of `UNREADABLE`, saying what is wrong with it.
    """
    with Image.open(path, formats=FORMATS) as opened:
        _remark(opened, path.name, remarks)
        upright = ImageOps.exif_transpose(opened)
        upright.load()
        image = _opaque(
            _in_8_bits(upright, opened.format, path.name, remarks), background, path.name, remarks
        )
    image = image.convert("L" if channels == 1 else "RGB")
    side = min(image.size)
    if image.width != image.height:
        remarks.change(CROPPED, path.name)
    if side < size:
        remarks.change(ENLARGED.format(size=size), path.name)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.crop((left, top, left + side, top + side))
    resized = square.resize((size, size), Image.Resampling.LANCZOS) if side != size else square
    return np.asarray(resized).reshape(size, size, channels)


def _remark(image: Image.Image, name: str, remarks: Remarks) -> None:
    # A photo in the format MPO carries its own preview.
    if image.format != "MPO" and getattr(image, "is_animated", False):
        remarks.doubt(FIRST_FRAME, name)
    if _is_wide(image):
        remarks.change(WIDE, name)
        # Gray is looked at where it still has 16 bits.
        if image.mode in ("RGB", "RGBA") and np.asarray(image)[..., :3].max() < DARK_IN_8_BITS:
            remarks.doubt(TOO_DARK, name)
    profile = image.info.get("icc_profile")
    if profile and image.mode not in ("L", "LA", "1", "CMYK"):
        described = _profile(profile)
        if "srgb" not in described.lower():
            remarks.doubt(PROFILE.format(described), name)


def _is_wide(image: Image.Image) -> bool:
    """Whether a file that is not loaded yet has 16 bits a channel."""
    arguments = [tile.args for tile in getattr(image, "tile", [])]
    if any(";16" in str(given) for given in arguments):
        return True
    # The second argument of other PNM is the largest value.
    return image.format == "PPM" and any(isinstance(a, tuple) and a[1] > 255 for a in arguments)


@lru_cache(maxsize=64)
def _profile(profile: bytes) -> str:
    try:
        opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return repr(ImageCms.getProfileDescription(opened).strip())
    except UNREADABLE:
        return "that cannot be read"


def _in_8_bits(image: Image.Image, kind: str | None, name: str, remarks: Remarks) -> Image.Image:
    """An image of 8 bits a channel, scaled by the range of its format; Pillow would clip it.

    Raises:
        ValueError: where the range is not known.
    """
    if image.mode == "F":
        remarks.change(FLOATS, name)
        return Image.fromarray(_of_floats(np.asarray(image)))
    if image.mode == "LAB":
        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
        assert converted is not None
        return converted
    if not image.mode.startswith("I"):
        return image
    pixels = np.asarray(image).astype(np.int64)
    # Pillow gives 16-bit PNM as "I", too, scaled to 0..65535.
    if (image.mode == "I" and kind == "TIFF") or pixels.min() < 0 or pixels.max() >= 2**16:
        raise ValueError(
            f"its pixels span {pixels.min()} to {pixels.max()} (32-bit or signed integers); "
            "accepted: 8 bits, 16 bits without sign (0 to 65535), or floats from 0 to 1: save it "
            "as one of these"
        )
    if 0 < pixels.max() < DARK:
        remarks.doubt(TOO_DARK, name)
    gray = Image.fromarray((pixels >> 8).astype(np.uint8))
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        gray.putalpha(Image.fromarray(np.where(pixels == clear, 0, 255).astype(np.uint8)))
    return gray


def _of_floats(pixels: np.ndarray) -> np.ndarray:
    if not np.isfinite(pixels).all():
        count = int((~np.isfinite(pixels)).sum())
        raise ValueError(
            f"{count} of its pixels are NaN or infinite; accepted: floats from 0 to 1: replace them"
        )
    if pixels.min() < 0 or pixels.max() > 1:
        raise ValueError(
            f"its pixels span {pixels.min():g} to {pixels.max():g} (32-bit floats); accepted: "
            "floats from 0 to 1, 8 bits, or 16 bits without sign: scale it by the range meant"
        )
    return np.round(pixels * 255).astype(np.uint8)


def _opaque(image: Image.Image, background: RGB, name: str, remarks: Remarks) -> Image.Image:
    """An image on the background, where it is transparent anywhere."""
    if not image.has_transparency_data:
        return image
    clear = image.info.get("transparency")
    if image.mode == "RGB" and isinstance(clear, tuple) and max(clear) > 255:
        # Pillow cuts 16-bit color to its upper half, but not the color that is transparent.
        image.info["transparency"] = tuple(part >> 8 for part in clear)
    layered = image.convert("LA" if image.mode == "La" else "RGBA").convert("RGBA")
    alpha = layered.getchannel("A")
    if alpha.getextrema() != (255, 255):
        remarks.change(TRANSPARENT.format(background), name)
    canvas = Image.new("RGB", image.size, background)
    canvas.paste(layered.convert("RGB"), mask=alpha)
    return canvas


def named(path: Path, error: BaseException) -> str:
    """What is wrong with a file, in one line."""
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    if isinstance(error, Image.UnidentifiedImageError):
        reason = "it is no image of a format that is read"
    return f"{path} cannot be read as an image: {reason}"


#: Broken files that one message names.
NAMED = 10
HINT = (
    "replace or remove it; PNG, JPEG, GIF, WebP, AVIF, TIFF, BMP, PPM and JPEG 2000 are accepted, "
    "HEIC is not: convert it to JPEG or PNG"
)


def broken(lines: list[str]) -> UserError:
    """One message about all files that are broken."""
    shown = lines[:NAMED]
    more = [f"... and {len(lines) - NAMED} more"] if len(lines) > NAMED else []
    return UserError("\n".join([*shown, *more, f"    Hint: {HINT}"]))
