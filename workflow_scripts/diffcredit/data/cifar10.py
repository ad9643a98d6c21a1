"""CIFAR-10 in its published formats: Parquet as on the hub, or the binary version; no pickles."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from diffcredit.data.published import AGAIN, Published, Split, joined
from diffcredit.errors import UserError

SIDE, CHANNELS = 32, 3
#: A label, then the red, the green and the blue plane.
RECORD = 1 + CHANNELS * SIDE * SIDE
BINARY = {
    "train": [f"data_batch_{number}.bin" for number in range(1, 6)],
    "test": ["test_batch.bin"],
}
#: The Python version has the same names without a suffix.
PICKLED = [name.removesuffix(".bin") for names in BINARY.values() for name in names]


class Cifar10(Published):
    """CIFAR-10: ten classes of small photos."""

    channels = CHANNELS
    side = SIDE
    classes = (
        "airplane",
        "automobile",
        "bird",
        "cat",
        "deer",
        "dog",
        "frog",
        "horse",
        "ship",
        "truck",
    )
    title = "CIFAR-10"
    columns = ("img", "image")
    accepted = (
        "accepted: the Parquet files of the Hugging Face hub (train-*.parquet, test-*.parquet) or "
        "the binary version (data_batch_1.bin to data_batch_5.bin, test_batch.bin)"
    )

    def is_of_split(self, name: str, split: str) -> bool:
        """See `Published.is_of_split`."""
        return name in BINARY[split]

    def read_split(self, files: list[Path], split: str, folder: Path) -> Split:
        """See `Published.read_split`."""
        return joined(map(self._read_binary, self.find(files, split, folder)))

    def find(self, files: list[Path], split: str, folder: Path) -> list[Path]:
        """The files of a split of the binary version; each must exist exactly once."""
        batches = [path for path in files if path.suffix == ".bin"]
        if not batches:
            raise self._unknown(folder, files)
        found = [path for path in batches if path.name in BINARY[split]]
        if sorted(path.name for path in found) != BINARY[split]:
            raise self.incomplete(folder, split, found, f"of {', '.join(BINARY[split])}")
        return sorted(found, key=lambda path: path.name)

    def _unknown(self, folder: Path, files: list[Path]) -> UserError:
        pickled = [path.name for path in files if path.name in PICKLED]
        reason = (
            f"{pickled[0]} is of the Python version, a pickle, and nothing is unpickled"
            if pickled
            else "it has no .parquet and no .bin files"
        )
        return UserError(
            f"data.path = {folder} holds no {self.title} that is read: {reason}\n"
            f"    Hint: {self.accepted}"
        )

    def _read_binary(self, path: Path) -> Split:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise UserError(f"{path} cannot be read: {error}") from error
        if not content or len(content) % RECORD:
            raise UserError(
                f"{path} holds {len(content)} bytes, not one or more records of {RECORD}: it is "
                f"truncated, or not of {self.title}\n{AGAIN}"
            )
        records = np.frombuffer(content, dtype=np.uint8).reshape(-1, RECORD)
        planes = records[:, 1:].reshape(-1, CHANNELS, SIDE, SIDE)
        return planes.transpose(0, 2, 3, 1), self.checked(records[:, 0], path)
