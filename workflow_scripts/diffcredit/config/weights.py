"""Locations of published weights, and checks that they exist; imports no torch.

Nothing is downloaded: a file is in the configured path, or where the tools that publish it keep it.
"""

import os
from pathlib import Path

#: Files of a model in the hub's format.
MODEL_FILES = ("config.json", "model.safetensors")
# A tokenizer is one file, or two in older models.
TOKENIZERS = (("tokenizer.json",), ("vocab.json", "merges.txt"))


def cached(model: str) -> Path:
    """Folder of a model in the local hub cache; the cache's own folder for it if there is none."""
    from huggingface_hub import constants, try_to_load_from_cache

    try:
        found = try_to_load_from_cache(model, MODEL_FILES[0])
    except ValueError:  # It is no name of the hub's, so nothing of it is there.
        found = None
    if isinstance(found, str):
        return Path(found).parent
    return Path(constants.HF_HUB_CACHE) / f"models--{model.replace('/', '--')}"


def hub_files(folder: Path) -> list[Path]:
    """The files of a model in the hub's format that are in its folder."""
    names = (*MODEL_FILES, *(name for tokenizer in TOKENIZERS for name in tokenizer))
    return [folder / name for name in names if (folder / name).is_file()]


def absent_files(folder: Path, texts: bool) -> list[str]:
    """Files of a model in the hub's format that are not in its folder.

    Args:
        folder: of the model.
        texts: whether texts are embedded, too, which takes a tokenizer.
    """
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


def is_ours(path: Path) -> bool:
    """Whether a file is the user's or root's: everybody may write to /tmp."""
    return path.stat().st_uid in (os.getuid(), 0)
