"""Records from elsewhere: the published keys, masks, and every way in which they can be wrong."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from gathered import rows_of

from diffcredit.behaviors.records import behaviors_of
from diffcredit.coalitions.distribution import Distribution
from diffcredit.coalitions.endpoints import Everyone
from diffcredit.coalitions.shapley import Shapley
from diffcredit.config import RecordedTable, Records
from diffcredit.errors import UserError

GOOD: list[dict[str, Any]] = [
    {"remaining_idx": [0, 2], "removed_idx": [1, 3], "removal_seed": 0, "fid": 5.0},
    {"remaining_idx": [1, 3], "removed_idx": [0, 2], "removal_seed": 1, "fid": 7},
    {"remaining_idx": [], "removed_idx": [0, 1, 2, 3], "removal_seed": 2, "fid": 9.0},
]
Read = Callable[..., pd.DataFrame]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def read_(
        records: list[Any],
        behaviors: tuple[str, ...] = ("fid",),
        skip: bool = False,
        where: dict[str, Any] | None = None,
        suffix: str = ".jsonl",
        drawn: Distribution | None = None,
    ) -> pd.DataFrame:
        path = tmp_path / f"behaviors{suffix}"
        if suffix == ".parquet":
            pd.DataFrame(records).to_parquet(path)
        elif suffix == ".csv":
            pd.DataFrame(records).to_csv(path, index=False)
        else:
            lines = [r if isinstance(r, str) else json.dumps(r) for r in records]
            path.write_text("\n".join(lines) + "\n")
        drawn = drawn or Shapley(distribution="shapley")
        table = RecordedTable(path=str(path), where=where or {}, drawn=drawn.options)
        settings = Records(
            contributors=4, behaviors=list(behaviors), skip_invalid=skip, tables={"a": table}
        )
        return rows_of(behaviors_of("a", table, settings))

    return read_


def masks(table: pd.DataFrame) -> list[list[int]]:
    return [[int(kept) for kept in mask] for mask in table["mask"]]


@pytest.mark.parametrize(
    "broken",
    [
        {"mask": 5, "fid": 1.0},
        {"mask": [None, 1, 0, 1], "fid": 1.0},
        {"mask": [0.5, 1, 0, 1], "fid": 1.0},
        {"mask": [[1], 1, 0, 1], "fid": 1.0},
        {"mask": None, "fid": 1.0},
        {"mask": "1010", "removal_seed": "abc", "fid": 1.0},
        {"mask": "1010", "removal_seed": [1], "fid": 1.0},
        {"mask": "1010", "removal_seed": 1.5, "fid": 1.0},
    ],
)
def test_record_of_wrong_types_is_counted_and_skipped(read: Read, broken: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=r"of 4 records 1 (wrong|missing)"):
        read([*GOOD, broken])
    assert len(read([*GOOD, broken], skip=True)) == 3


def test_empty_cell_is_no_mask(read: Read) -> None:
    rows = [{"mask": "1010", "fid": 1.0}, {"mask": None, "fid": 2.0}]
    assert len(read(rows, suffix=".csv", skip=True)) == 1


def test_models_of_everybody_without_seeds_are_repetitions(read: Read) -> None:
    rows = [{"mask": "1111", "fid": 3.0}, {"mask": "1111", "fid": 3.5}]
    table = read(rows, suffix=".csv", drawn=Everyone(distribution="full"))
    assert list(table["value"]) == [3, 3.5]
    assert table["coalition"].nunique() == 2


def test_published_records_become_behaviors(read: Read) -> None:
    table = read(GOOD)
    assert list(table["value"]) == [5, 7, 9]
    assert masks(table) == [[1, 0, 1, 0], [0, 1, 0, 1], [0, 0, 0, 0]]
    assert list(table["pair"]) == [0, 0, 2]  # the first two are complements
    assert table["seconds_training"].isna().all()


def test_values_of_generated_images_are_queries(read: Read) -> None:
    vector = [
        {"remaining_idx": [k], "removal_seed": k}
        | {f"generated_image_{i}_ssim": 10.0 * k + i for i in (10, 2, 0)}
        for k in range(4)
    ]
    table = read(vector, behaviors=("ssim",))
    assert list(table["query"][:3]) == [0, 2, 10]
    assert list(table.loc[table["coalition"] == 2, "value"]) == [20, 22, 30]


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl"])
def test_masks_in_tables(read: Read, suffix: str) -> None:
    rows = [{"mask": "0110", "fid": 1.0}, {"mask": "1001", "fid": 2.0}]
    assert masks(read(rows, suffix=suffix)) == [[0, 1, 1, 0], [1, 0, 0, 1]]


def test_lists_in_parquet(read: Read) -> None:
    assert masks(read(GOOD[:2], suffix=".parquet")) == [[1, 0, 1, 0], [0, 1, 0, 1]]
    rows = [{"mask": [True, False, False, True], "fid": 1.0}]
    assert masks(read(rows, suffix=".parquet")) == [[1, 0, 0, 1]]


def test_where_chooses_the_records_of_a_table(read: Read) -> None:
    methods = {"gd": 0, "ga": 100}
    mixed = [r | {"method": m, "fid": r["fid"] + s} for m, s in methods.items() for r in GOOD]
    assert list(read(mixed, where={"method": "ga"})["value"]) == [105, 107, 109]
    chosen = read(mixed, where={"method": "gd", "removal_seed": [0, 2]})
    assert list(chosen["value"]) == [5, 9]
    with pytest.raises(UserError, match="no record has"):
        read(mixed, where={"method": "retrain"})


WRONG: dict[str, tuple[Any, str]] = {
    "no JSON": ("{broken", "record 4: is not a JSON object"),
    "no object": ("[1, 2]", "record 4: is not a JSON object"),
    "unknown contributor": ({"remaining_idx": [4], "fid": 1.0}, "different numbers of 0..3"),
    "a contributor twice": ({"remaining_idx": [1, 1], "fid": 1.0}, "different numbers"),
    "text for a number": ({"remaining_idx": ["one"], "fid": 1.0}, "different numbers"),
    "no complement": (
        {"remaining_idx": [0], "removed_idx": [1, 2], "fid": 1.0},
        "removed_idx is not what remaining_idx leaves",
    ),
    "short mask": ({"mask": "011", "fid": 1.0}, "mask must have 4 entries"),
    "mask of other digits": ({"mask": "0120", "fid": 1.0}, "mask must have 4 entries"),
    "no coalition": ({"fid": 1.0}, "no remaining_idx and no mask"),
    "no behavior": ({"remaining_idx": [0]}, "has no fid"),
    "null": ({"remaining_idx": [0], "fid": None}, "has no fid"),
    "not finite": ('{"remaining_idx": [0], "fid": NaN}', "not a finite number"),
    "text for a value": ({"remaining_idx": [0], "fid": "low"}, "not a finite number"),
    "twice": (GOOD[0], "record 4: repeats record 1 (duplicate)"),
    "another value": (GOOD[0] | {"fid": 6.0}, "records 1, 4 contradict each other"),
    "another coalition": (GOOD[0] | {"remaining_idx": [0], "removed_idx": None}, "contradict"),
}


@pytest.mark.parametrize("case", WRONG)
def test_bad_records_are_named_and_stop(read: Read, case: str) -> None:
    record, message = WRONG[case]
    with pytest.raises(UserError) as caught:
        read([*GOOD, record])
    assert message in str(caught.value)
    assert "of 4 records 1 " in str(caught.value)


@pytest.mark.parametrize("case", WRONG)
def test_bad_records_are_left_out_where_told(read: Read, case: str) -> None:
    """Of records that contradict each other none is believed."""
    table = read([*GOOD, WRONG[case][0]], skip=True)
    believed = [7, 9] if "contradict" in WRONG[case][1] else [5, 7, 9]
    assert list(table["value"]) == believed


LINES = [json.dumps(record) for record in GOOD]
TABLE = "mask,removal_seed,fid\n1010,0,5.0\n0101,1,7\n0000,2,9\n"
ODD: dict[str, tuple[str, str | bytes]] = {
    # the end of the name, and what the file holds: always GOOD
    "a mark in front": (".jsonl", "\ufeff" + "\n".join(LINES)),
    "UTF-16": (".jsonl", "\n".join(LINES).encode("utf-16")),
    "lines of Windows": (".jsonl", "\r\n\r\n".join(LINES)),
    "another line separator in a text": (
        ".jsonl",
        "\n".join(line[:-1] + ', "note": "a\u2028b"}' for line in LINES),
    ),
    "numbers as fractions": (".jsonl", "\n".join(LINES).replace("[0, 2]", "[0.0, 2.0]")),
    "numbers in quotes": (".jsonl", "\n".join(LINES).replace("[1, 3]", '["1", "3"]')),
    "names": (".jsonl", "\n".join(LINES).replace("[1, 3]", '["contributor 01", "contributor 03"]')),
    "blanks around a key": (".jsonl", "\n".join(LINES).replace('"fid"', '"fid "')),
    "semicolons": (".csv", TABLE.replace(",", ";")),
    "decimal commas": (".csv", TABLE.replace(",", ";").replace("5.0", "5,0")),
    "tabs": (".CSV", TABLE.replace(",", "\t")),
    "a spreadsheet's UTF-16": (".csv", TABLE.replace(",", "\t").encode("utf-16")),
    "empty columns and rows": (".csv", TABLE.replace("\n", ",,\n") + ",,,,\n"),
    "blanks around cells": (".csv", TABLE.replace(",", " , ").replace("fid", "fid\u00a0")),
    "spelled out masks": (
        ".csv",
        TABLE.replace("1010", '"[1, 0, 1, 0]"').replace("0101", "0 1 0 1"),
    ),
    "lists in cells": (
        ".csv",
        'remaining_idx,fid\n"[0, 2]",5\n"[1, 3]",7\n[],9\n',
    ),
}


@pytest.mark.parametrize("case", ODD)
def test_records_as_they_are_left(tmp_path: Path, case: str) -> None:
    suffix, content = ODD[case]
    path = tmp_path / f"behaviors{suffix}"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    table = RecordedTable(path=str(path), where={}, drawn=Shapley(distribution="shapley").options)
    settings = Records(contributors=4, behaviors=["fid"], tables={"a": table})
    found = rows_of(behaviors_of("a", table, settings))
    assert list(found["value"]) == [5, 7, 9]
    assert masks(found) == [[1, 0, 1, 0], [0, 1, 0, 1], [0, 0, 0, 0]]


MISREAD = {
    "a key twice": ('{"remaining_idx": [0], "fid": 1.0, "fid": 2.0}', "has fid more than once"),
    "a key twice but for a blank": (
        '{"remaining_idx": [0], "fid": 1, "fid ": 2}',
        "more than once",
    ),
    "zeros that are lost": ({"mask": "11", "fid": 1.0}, "zeros in front are lost"),
    "half a contributor": ({"remaining_idx": [1.5], "fid": 1.0}, "different numbers"),
    "truth for a number": ({"remaining_idx": [True], "fid": 1.0}, "different numbers"),
    "the same in two ways": ({"remaining_idx": [1, "1"], "fid": 1.0}, "different numbers"),
    "a number with zeros in front": ({"remaining_idx": ["01"], "fid": 1.0}, "different numbers"),
}


@pytest.mark.parametrize("case", MISREAD)
def test_record_that_could_be_misread_is_told(read: Read, case: str) -> None:
    record, message = MISREAD[case]
    with pytest.raises(UserError) as caught:
        read([*GOOD, record])
    assert message in str(caught.value)


def test_kinds_are_counted_and_ten_named(read: Read) -> None:
    bad = [{"remaining_idx": [9], "fid": 1.0}] * 12 + [{"remaining_idx": [1]}]
    with pytest.raises(UserError, match="of 16 records 12 wrong, 1 missing") as caught:
        read([*GOOD, *bad])
    assert "and 3 more" in str(caught.value)


def test_record_with_fewer_queries_than_others(read: Read) -> None:
    vector = [
        {"remaining_idx": [k], "removal_seed": k}
        | {f"generated_image_{i}_ssim": 0.5 for i in range(3 - (k == 3))}
        for k in range(4)
    ]
    with pytest.raises(UserError, match="record 4: has 2 values where others have 3"):
        read(vector, behaviors=("ssim",))
    assert set(read(vector, behaviors=("ssim",), skip=True)["coalition"]) == {0, 1, 2}


def test_nothing_usable(read: Read) -> None:
    with pytest.raises(UserError, match="no record is usable"):
        read(["broken"], skip=True)


def test_values_are_kept_to_the_last_bit(read: Read) -> None:
    value = float(np.nextafter(0.1, 1))
    assert read([{"remaining_idx": [0], "fid": value}])["value"][0] == value


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        ([0.0, 2.0], "1.0 is read as 1"),
        (["0", "2.0"], "1.0 is read as 1"),
        ("[0.0, 2.0]", "1.0 is read as 1"),
        (["contributor 00", "contributor  02 "], "is read as 'contributor 02'"),
        ([0, 2], ""),
        (["0", 2], ""),
    ],
)
def test_what_is_guessed_of_contributors_is_told_once(
    read: Read, listed: Any, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [{"remaining_idx": listed, "removal_seed": seed, "fid": 5.0} for seed in range(3)]
    with caplog.at_level("WARNING", "diffcredit"):
        assert masks(read(rows)) == [[1, 0, 1, 0]] * 3
    assert len(caplog.records) == bool(said)
    if said:
        assert "in 3 lists of contributors" in caplog.text
        assert said in caplog.text
