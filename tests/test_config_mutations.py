"""Whatever stands in a configuration, it is read, or YAML's words say what is wrong."""

import datetime
import json
import random
import re
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations_with_replacement, pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from overlays import overlaid

from diffcredit.config import NAMED_SECTIONS, Config, lists, load, misread, source
from diffcredit.config import recorded as recorded_files
from diffcredit.config.sections import LARGEST
from diffcredit.errors import UserError

ROOT = Path(__file__).parents[1]

Place = tuple[Any, ...]


@dataclass(frozen=True)
class Base:
    """A configuration that is sound.

    Attributes:
        name: what draws are seeded by.
        raw: the configuration.
        keys: those that are changed.
    """

    name: str
    raw: dict[str, Any]
    keys: list[Place]


#: Stands for a key that is left out.
GONE = object()
CYCLE: dict[str, Any] = {}
CYCLE["itself"] = CYCLE
DEEP: Any = 1
for _ in range(200):
    DEEP = {"a": DEEP}

#: As an anchor that is used again and again makes them: more than there is memory for.
BOMB: Any = ["x"] * 9
for _ in range(12):
    BOMB = [BOMB] * 9

NUMBERS: list[Any] = [
    *(0, -1, 1, 2, 3, 10**9, 2**63, 10**30, 10**5000, -(10**5000)),
    *(0.5, 1.5, -0.0, 1e-9, 5e-324, 1e308, float("nan"), float("inf"), float("-inf")),
]
TEXTS: list[Any] = [
    *("", " ", "a b", "x", "null", "1e5", ".nan", "1_000", "../x", "/", "~nobody_at_all/x"),
    *("x\0y", "\ud800", "é", "日本", "x\ny", "x" * 5000, "/".join(["x" * 200] * 50)),
    *("approach/coalitions", "sft/none", "config.yaml"),
]
LISTS: list[Any] = [
    *([], [1], [[1]], [None], [True], ["fid", "fid"], [{}], ["x" * 300], [[[]]]),
    *((1, 2), {1, 2}, list(range(300)), [float("nan"), 1e308]),
]
SECTIONS: list[Any] = [
    *({}, {"name": "x"}, {"name": ["x"]}, {"name": {}}, {"name": None}, {"a": {"b": 1}}),
    *({1: 2}, {None: 1}, {True: 1}, {"": 1}, {(1, 2): 3}, {"x" * 300: 1}, {1.5: {2: []}}),
    *(
        {"lora": []},
        {"lora": {"rank": {}}},
        {"name": "lora", "rank": {}},
        {"distribution": {}},
        {"kind": [1]},
        {"method": [1]},
    ),
    *({"images": {}}, {"folder": []}, {"csv": "x", "column": None}, {"csv": {"csv": 1}}),
]
OTHERS: list[Any] = [
    *(None, True, False, GONE, CYCLE, DEEP, BOMB, b"\0x"),
    *(datetime.date(2020, 1, 2), datetime.datetime(2020, 1, 2, 3)),
]
VALUES = [*NUMBERS, *TEXTS, *LISTS, *SECTIONS, *OTHERS]
#: So many of them a key gets, others in each configuration.
DRAWN = 20

#: Words of Python and of its libraries, which users of YAML do not know.
FOREIGN = re.compile(
    r"\b(True|False|None|NoneType|dict|str|int|float|bool|tuple|pydantic|Traceback)\b"
    r"|valid dictionary|instance of|<class|object at 0x|validation error|[Ii]nput should be"
    r"|[A-Z][A-Za-z]+\([a-z_]+="  # A section as Python writes it.
    r"|one of: *(;|\n|$)"
)


def recorded(folder: Path) -> dict[str, Any]:
    """Records of ten models, attributed without others."""
    path = folder / "records.jsonl"
    rows = [{"part": n % 2, "remaining_idx": [n // 2], "fid": n} for n in range(10)]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    shapley: dict[str, Any] = {"distribution": "shapley"}
    datamodel: dict[str, Any] = {"distribution": "datamodel", "alpha": 0.2}
    return {
        "records": {
            "contributors": 6,
            "behaviors": ["fid"],
            "better": {"fid": "lower"},
            "tables": {
                "shapley": {"path": str(path), "where": {"part": 0}, "drawn": shapley},
                "test": {"path": str(path), "where": {"part": [1, 2]}, "drawn": datamodel},
            },
        },
        "attributions": {"mine": {"method": "datamodel_ridge", "values": "records/shapley"}},
        "evaluation": {"lds": {"truth": "records/test"}},
    }


ASKED = {
    "approaches": {"retrain": {"coalitions": {"full": 1}}},
    "evaluation": {
        "counterfactual": {
            "approach": "retrain",
            "full": "retrain/full",
            "attributions": ["datamodel"],
            "behaviors": ["fid"],
            "fractions": [0.5],
        },
    },
    "coalitions": {
        "shapley": {"until": {"attribution": "datamodel", "behavior": "fid", "stability": 0.9}}
    },
}


def read(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text())


DEFAULT = read("config.yaml")
#: What is laid over the default; all keys of those that are whole are changed, else these alone.
OVERLAYS = {
    "default": {},
    "tiny": read("tests/tiny.yaml"),
    "unlearning": read("experiments/digits_unlearning.yaml"),
    "scores": read("experiments/digits_images.yaml"),
    "records": {},
    "asked": ASKED,
}
WHOLE = ("default", "unlearning", "scores", "records")


@pytest.fixture(scope="session", params=OVERLAYS)
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Base:
    """A configuration that is sound, its own keys, and a name to draw by."""
    name: str = request.param
    overlay = recorded(tmp_path_factory.mktemp("records")) if name == "records" else OVERLAYS[name]
    raw = overlaid(DEFAULT, overlay)
    assert fault(raw) is None
    assert load(raw, ROOT).experiment
    return Base(name, raw, [*places(raw if name in WHOLE else overlay)])


def places(value: Any, at: Place = ()) -> Iterator[Place]:
    """Every key below a value, also of sections, and every entry of its lists."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, part in inner:
        yield (*at, key)
        if isinstance(part, dict | list):
            yield from places(part, (*at, key))


def mutated(raw: Any, at: Place, value: Any) -> Any:
    """The same with another value at a place; what is not on the way there is shared."""
    copy = dict(raw) if isinstance(raw, dict) else list(raw)
    key, *others = at
    if others:
        copy[key] = mutated(raw[key], tuple(others), value)
    elif value is GONE:
        del copy[key]
    else:
        copy[key] = value
    return copy


def fault(raw: Any) -> str | None:
    """What is wrong with how a configuration is taken, not with the configuration."""
    try:
        loaded = load(raw, ROOT)
    except UserError as error:
        found = FOREIGN.search(str(error))
        return found and f"{found[0]!r} in {str(error)[:400]}"
    except Exception:
        return traceback.format_exc()[-800:]
    return None if isinstance(loaded, Config) else "nothing"


@pytest.mark.slow
def test_every_key_with_every_kind_of_value(base: Base) -> None:
    rng = random.Random(base.name)
    faults = [
        (at, repr(value)[:80], told)
        for at in base.keys
        for value in rng.sample(VALUES, DRAWN)
        if (told := fault(mutated(base.raw, at, value)))
    ]
    assert not faults, "\n".join(map(str, faults[:5]))


def test_largest_number_is_answered_at_once(base: Base) -> None:
    """What loops over a number of the configuration would hang here."""
    for at in base.keys:
        if type(value_at(base.raw, at)) is int:
            assert fault(mutated(base.raw, at, LARGEST)) is None, at


def value_at(raw: Any, at: Place) -> Any:
    for key in at:
        raw = raw[key]
    return raw


def test_keys_that_there_are_not(base: Base) -> None:
    unknown: list[Any] = ["unknown", "", "a b", 1, None, True, 1.5, (1,), "x" * 5000, "é"]
    for at in [(), *sections(base)]:
        for key in unknown:
            assert fault(mutated(base.raw, (*at, key), {"a": [1]})) is None, (at, key)


def part(raw: Any, at: Place) -> Any:
    for key in at:
        raw = raw[key]
    return raw


def sections(base: Base) -> list[Place]:
    """Where the sections that are changed are."""
    return [at for at in base.keys if isinstance(part(base.raw, at), dict)]


def entries(base: Base) -> list[Place]:
    """Where what others may refer to is: named entries, and the sections of the top."""
    tops = [(top,) for top in base.raw]
    named = [(top, name) for top in NAMED_SECTIONS for name in base.raw[top]]
    tables = [("records", "tables", name) for name in (base.raw["records"] or {}).get("tables", {})]
    return [*tops, *named, *tables, *(("evaluation", key) for key in base.raw["evaluation"])]


@pytest.mark.slow
def test_every_two_entries_that_are_null(base: Base) -> None:
    """Each is referred to by some others, which are there, or are null as well."""
    faults = []
    for one, other in combinations_with_replacement(entries(base), 2):
        within = one != other and (one == other[: len(one)] or other == one[: len(other)])
        if not within and (told := fault(mutated(mutated(base.raw, one, None), other, None))):
            faults.append((one, other, told))
    assert not faults, "\n".join(map(str, faults[:5]))


def names_in(value: Any) -> set[str]:
    """All texts of a part of a configuration, and the parts of approach/coalitions."""
    if isinstance(value, dict):
        return {name for k, v in value.items() for name in names_in(v) | names_in(k)}
    if isinstance(value, list):
        return {name for part in value for name in names_in(part)}
    return {value, *value.split("/")} if isinstance(value, str) else set()


def test_an_entry_that_others_refer_to_is_missed_by_its_name(base: Base) -> None:
    """And one that nobody refers to is not missed at all."""
    for at in entries(base):
        if at[0] not in NAMED_SECTIONS or len(at) < 2:
            continue
        raw = mutated(base.raw, at, None)
        try:
            load(raw, ROOT)
        except UserError as error:
            told = str(error)
        else:
            continue
        lines = re.split(r"\n(?=  \w)", told)[1:]
        keys = [re.match(r"  ([\w.]+)", line) for line in lines]
        assert all(keys), told
        missed = [
            line for line in lines if re.search(rf"\b{at[1]}\b|is empty|are empty|is missing", line)
        ]
        assert missed, (at, told)


def test_every_reference_to_what_there_is_not(base: Base) -> None:
    """Names of entries, alone or as approach/coalitions, are told with those that there are."""
    named = {name for top in NAMED_SECTIONS for name in base.raw[top]}
    names = {at: part(base.raw, at) for at in base.keys if isinstance(part(base.raw, at), str)}
    references = {at: v for at, v in names.items() if {*v.split("/")} & named}
    for at, name in references.items():
        for wrong in ("nobody", f"{name}x", "nobody/none", f"{name}/{name}", name.upper()):
            told = fault(mutated(base.raw, at, wrong))
            assert told is None, (at, told)


#: Files of YAML; each is read, or told of in YAML's words.
FILES = {
    "an anchor that is used twice": "full: &a {steps: 10}\npruned: *a\n",
    "a merged section": "x: &a {steps: 10}\nfull: {<<: *a, learning_rate: 0.1}\n",
    "two merged sections": "full: {<<: [{steps: 1}, {steps: 2, models: 1}]}\n",
    "a merged text": "full: {<<: steps}\n",
    "a section that contains itself": "full: &a {steps: *a}\n",
    "a list that contains itself": "data: {labels: &a [1, *a]}\n",
    "a bomb of anchors": "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
    + "".join(f"{y}: &{y} [{', '.join([f'*{x}'] * 10)}]\n" for x, y in pairwise("abcdefghijkl")),
    "lists in lists without end": "data: " + "[" * 5000 + "]" * 5000,
    "sections in sections without end": "data: " + "{a: " * 500 + "1" + "}" * 500,
    "open lists without end": "data: " + "[" * 5000,
    "JSON without end": '{"data": ' + "[" * 100_000 + "]" * 100_000 + "}",
    "a key that is a number": "full: {1: 2}\n",
    "a key that is null": "full: {null: 2}\n",
    "a key that is a truth value": "full: {yes: 2}\n",
    "a key that is a date": "full: {2020-01-02: 2}\n",
    "a key that is a list": "full: {[1, 2]: 2}\n",
    "a key that is a section": "? {a: 1}\n: 2\n",
    "binary": "experiment: !!binary aGVsbG8=\n",
    "binary that is none": "experiment: !!binary x\n",
    "a set": "data: {labels: !!set {a, b}}\n",
    "an ordered map": "data: !!omap [a: 1, b: 2]\n",
    "pairs": "data: !!pairs [a: 1, a: 2]\n",
    "a tag of Python": "seed: !!python/object/apply:os.getcwd []\n",
    "a name of Python": "seed: !!python/name:os.getcwd\n",
    "a tuple of Python": "model: {channels: !!python/tuple [16, 32]}\n",
    "a number with a tag of text": "full: {steps: !!str 10}\n",
    "a text with a tag of number": "full: {steps: !!int ten}\n",
    "a date": "experiment: 2020-01-02\n",
    "a time": "full: {learning_rate: 2020-01-02T03:04:05Z}\n",
    "base 60": "full: {steps: 1:30}\n",
    "octal": "full: {steps: 0100}\n",
    "infinity": "full: {learning_rate: .inf}\n",
    "no number": "full: {learning_rate: .nan}\n",
    "a number of 5000 digits": "seed: " + "9" * 5000 + "\n",
    "a number of 5000 digits as a key": "full: {" + "9" * 5000 + ": 1}\n",
    "a tiny number": "full: {learning_rate: 1.0e-320}\n",
    "a number beyond all": "full: {learning_rate: 1.0e+999}\n",
    "no section": "full\n",
    "only null": "null\n",
    "an empty section": "full:\n",
}


@pytest.mark.parametrize("case", FILES)
def test_files_of_yaml(case: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(FILES[case])
    try:
        sources = source.read_all([path])
        config = overlaid(DEFAULT, yaml.full_load(FILES[case]))
        told = "\n".join(misread.problems(config, sources))
        load(config, ROOT)
    except UserError as error:
        told = (
            misread.explained(str(error), config, sources)
            if "be used" in str(error)
            else f"{error}"
        )
    assert not FOREIGN.search(told), told
    assert len(told) < 3000


DEEP_JSON = ["[" * 100_000, "[" * 100_000 + "]" * 100_000, '{"a":' * 100_000, "[" * 900 + "]" * 900]


@pytest.mark.parametrize("text", [*DEEP_JSON, "[1e999]", "[NaN]", "[[0]]", "{}"])
def test_json_without_end(text: str, tmp_path: Path) -> None:
    """In lists of coalitions and in records, a line of it is told like any that is wrong."""
    path = tmp_path / "mine.jsonl"
    path.write_text(text + "\n")
    listed = {"coalitions": {"listed": {"distribution": "file", "path": str(path)}}}
    raw = overlaid(DEFAULT, listed)
    assert fault(raw) is None
    with pytest.raises(UserError) as told:
        load(raw, ROOT)
    assert "mine.jsonl, line 1" in str(told.value)
    assert len(str(told.value)) < 1000
    assert not recorded_files.has_coalitions(path, {"a": 1}, 1)


def test_number_of_a_contributor_without_end(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text(f"[{'9' * 5000}]\n")
    with pytest.raises(UserError, match="is no contributor"):
        lists.masks(path, ["ann", "0012"], [0])
