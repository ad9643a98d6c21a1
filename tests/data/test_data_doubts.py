"""What is said of data that contributors can hardly be credited by."""

import re

import numpy as np
import pytest

from diffcredit.data.doubts import data_doubts
from diffcredit.data.images import Images


def of(pictures: list[list[int]]) -> Images:
    """Images of one gray value each, by contributor."""
    values = np.array([value for own in pictures for value in own], dtype=np.uint8)
    owners = np.repeat(np.arange(len(pictures)), [len(own) for own in pictures])
    pixels = np.broadcast_to(values[:, None, None, None], (len(values), 2, 2, 1)).copy()
    return Images(pixels=pixels, labels=np.zeros(len(values), dtype=int), contributors=owners)


MANY, OTHERS = [*range(40)], [*range(100, 140)]
CASES: dict[str, tuple[list[list[int]], list[str]]] = {
    "good": ([MANY, OTHERS], []),
    "twice the same of one": ([[1, 1, 2], [3, 4]], []),
    "one shared": ([[1, 2], [2, 3]], ["1 image is of more than one .*first of ann, ben"]),
    "two shared": ([[1, 2], [2, 1], [5]], ["2 images are .*2 contributors"]),
    "shared by three": ([[1], [1], [1, 7]], ["1 image is .*3 contributors.*ann, ben, cy"]),
    "two images": ([MANY, OTHERS, [200, 201]], ["3 images or fewer.*40 or more: cy;"]),
    "single images": ([[1], [2], [3]], []),
    "four images": ([MANY, OTHERS, [200, 201, 202, 203]], []),
    "none of many": ([MANY, OTHERS, []], ["cy"]),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_said_of_data(case: str) -> None:
    pictures, expected = CASES[case]
    found = data_doubts(of(pictures), ["ann", "ben", "cy"][: len(pictures)])
    assert len(found) == len(expected)
    for told, pattern in zip(found, expected, strict=True):
        assert re.search(pattern, told), told
