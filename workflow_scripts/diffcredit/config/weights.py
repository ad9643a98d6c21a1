"""Where published weights lie, and what to say where they are missing; it needs no torch.

Nothing is downloaded: a file is in the configured path, or where the tools that publish it keep it.
"""

import os
from pathlib import Path

from diffcredit.config.behaviors import AestheticMeasure
from diffcredit.config.messages import problem
from diffcredit.config.schema import Extractor, HubExtractor, InceptionExtractor, SscdExtractor

INCEPTION = Path("/tmp/inception-2015-12-05.pt")  # noqa: S108 - where clean-fid keeps it
INCEPTION_SOURCE = (
    "https://nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained/metrics/"
    "inception-2015-12-05.pt"
)
SSCD = "sscd_disc_mixup.torchscript.pt"
SSCD_SOURCE = f"https://dl.fbaipublicfiles.com/sscd-copy-detection/{SSCD}"
HEAD = Path("~/.cache/emb_reader/sa_0_4_vit_l_14_linear.pth")
HEAD_SOURCE = "https://github.com/LAION-AI/aesthetic-predictor/raw/main/sa_0_4_vit_l_14_linear.pth"
MODEL_FILES = ("config.json", "model.safetensors")
# A tokenizer is one file, or two in older models.
TOKENIZERS = (("tokenizer.json",), ("vocab.json", "merges.txt"))


def place(extractor: Extractor, base: Path = Path()) -> Path | None:
    """File or folder of an extractor's weights, whether or not it exists; None if it has none.

    Args:
        extractor: entry of the configuration.
        base: folder that its path is relative to.
    """
    if isinstance(extractor, InceptionExtractor):
        return _given(extractor.path, base) or INCEPTION
    if isinstance(extractor, SscdExtractor):
        return _given(extractor.path, base)
    if isinstance(extractor, HubExtractor):
        return _given(extractor.path, base) or _cached(extractor.model)
    return None


def _given(path: str | None, base: Path) -> Path | None:
    return None if path is None else base / Path(path).expanduser()


def head(path: str | None, base: Path = Path()) -> Path:
    """File of the aesthetic head, whether or not it exists."""
    return _given(path, base) or HEAD.expanduser()


def _cached(model: str) -> Path:
    """Folder of a model in the local hub cache; the cache's own folder for it if there is none."""
    from huggingface_hub import constants, try_to_load_from_cache

    try:
        found = try_to_load_from_cache(model, MODEL_FILES[0])
    except ValueError:  # It is no name of the hub's, so nothing of it is there.
        found = None
    if isinstance(found, str):
        return Path(found).parent
    return Path(constants.HF_HUB_CACHE) / f"models--{model.replace('/', '--')}"


def files(extractor: Extractor) -> list[Path]:
    """The files of an extractor's weights that exist."""
    found = place(extractor)
    if found is None:
        return []
    names = (*MODEL_FILES, *(name for tokenizer in TOKENIZERS for name in tokenizer))
    return [path for path in (found, *(found / name for name in names)) if path.is_file()]


def missing(name: str, extractor: Extractor, texts: bool, base: Path) -> list[str]:
    """The line about the files that an extractor lacks, if any.

    Args:
        name: of its entry in the configuration.
        extractor: the entry.
        texts: whether texts are embedded, too, which takes a tokenizer.
        base: folder that its path is relative to.
    """
    found = place(extractor, base)
    if isinstance(extractor, InceptionExtractor) and found is not None:
        return _missing_inception(f"extractors.{name}.path", extractor.path, found)
    if isinstance(extractor, SscdExtractor):
        return _missing_sscd(f"extractors.{name}.path", extractor.path, found)
    if isinstance(extractor, HubExtractor) and found is not None:
        if absent := absent_files(found, texts):
            return [_missing_files(name, extractor, found, absent)]
        key = "model" if extractor.path is None else "path"
        pointers = [told for file in MODEL_FILES if (told := pointer(found / file))]
        value = getattr(extractor, key)
        return [problem(f"extractors.{name}.{key}", value, told) for told in pointers]
    return []


def absent_files(folder: Path, texts: bool) -> list[str]:
    """Files of a model in the hub's format that are not in its folder."""
    absent = [file for file in MODEL_FILES if not (folder / file).is_file()]
    if texts and not any(all((folder / f).is_file() for f in files) for files in TOKENIZERS):
        absent.append(TOKENIZERS[0][0])
    return absent


def pointer(path: Path) -> str | None:
    """What to say of a file that stands for weights which Git LFS has not fetched; None else."""
    try:
        with path.open("rb") as file:
            begins = file.read(40)
    except OSError:
        return None
    if not begins.startswith(b"version https://git-lfs"):
        return None
    return (
        f"{path} is a pointer of Git LFS, not the weights: `git lfs pull` in its folder gets them"
    )


def _missing_files(name: str, extractor: HubExtractor, folder: Path, absent: list[str]) -> str:
    given = extractor.path is not None
    where = "that folder" if given else f"the local hub cache, {folder}"
    return problem(
        f"extractors.{name}.{'path' if given else 'model'}",
        extractor.path if given else extractor.model,
        f"{', '.join(absent)} must be in {where}",
        f"the files come from https://huggingface.co/{extractor.model}: name their folder in "
        f"extractors.{name}.path, or `hf download {extractor.model}` puts them into the cache",
    )


def _missing_inception(key: str, given: str | None, found: Path) -> list[str]:
    if not found.is_file():
        accepted = f"the file {found} does not exist"
    elif given is None and not _is_ours(found):
        accepted = f"{found} belongs to another user: name it as this path if you trust it"
    elif told := pointer(found):
        accepted = told
    else:
        return []
    return [problem(key, given, accepted, f"it comes from {INCEPTION_SOURCE}")]


def _missing_sscd(key: str, given: str | None, found: Path | None) -> list[str]:
    """No tool keeps it in a place of its own."""
    if found is not None and found.is_file():
        told = pointer(found)
        return [problem(key, given, told)] if told else []
    accepted = f"must name {SSCD}" if found is None else f"the file {found} does not exist"
    return [problem(key, given, accepted, f"it comes from {SSCD_SOURCE}")]


def _is_ours(path: Path) -> bool:
    """TorchScript files are programs, and everybody may write to /tmp."""
    return path.stat().st_uid in (os.getuid(), 0)


def missing_head(behavior: str, measure: AestheticMeasure, base: Path) -> list[str]:
    """The line about a head that does not exist."""
    found = head(measure.head, base)
    if found.is_file():
        return []
    return [
        problem(
            f"behaviors.{behavior}.measure.head",
            measure.head,
            f"the file {found} does not exist",
            f"the head for CLIP ViT-L/14 comes from {HEAD_SOURCE}",
        )
    ]
