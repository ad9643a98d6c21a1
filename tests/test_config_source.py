"""What YAML changes is told with file and line: malformed files, repeated keys, texts misread."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from diffcredit.config import known, misread, source
from diffcredit.errors import UserError

ROOT = Path(__file__).parents[1]
MALFORMED = {
    # the file, where it is wrong, what is said
    "an open bracket": ("a: 1\nb: [1, 2\nc: 3\n", "line 3", "flow sequence that begins in line 2"),
    "a tab": ("a:\n\tb: 1\n", "line 2", "spaces"),
    "no comma": ("a: {b: 1 c: 2}\n", "line 1, column 11", "comma is missing before this key"),
    "an open brace": ("a: {b: 1\nc: 2}\n", "line 2, column 2", "comma is missing"),
    "a brace at the end": ("a: {b: 1\n", "line 2", "or } after the last key"),
    "no comma in a list": ("a: ['b' 'c']\n", "line 1", "or ] after the last value"),
    "no colon": ("a 1\nb: 2\n", "line 2, column 2", "line 1 has no colon and blank: a 1"),
    "no blank": ("a:1\n# what\nb: 2\n", "line 3", "line 1 has no colon and blank: a:1"),
    "a section without colon": ("a\n  b: 2\n", "line 2", "line 1 has no colon and blank: a"),
    "a list in the line of its key": ("a: - 1\n", "line 1", "a line of its own"),
    "two colons": ("a: 1\nb: c: 2\n", "line 2, column 5", "needs quotes"),
    "two colons after a text": ("a: x y\nb: c: 2\n", "line 2, column 5", "needs quotes"),
    "an open quote": ("a: 1\nb: 'x\n", "line 3", "quoted scalar that begins in line 2"),
    "indentation": ("a:\n  b: 1\n c: 2\n", "line 3", "in the same column"),
    "a tag": ("a: 1\nb: !mine 2\n", "line 2, column 4", "begins with !"),
    "an unknown anchor": ("a: 1\nb: *nowhere\n", "line 2", "begins with *"),
    "two documents": ("a: 1\n---\nb: 2\n", "line 2", "another document"),
    "a percent sign": ("a: 1\nb: %x\n", "line 2", "begins with this sign"),
    "a date that there is not": ("a: 1\nb: 2024-13-45\n", "line 2", "'2024-13-45' in quotes"),
    "a control character": ("a: 1\nb: \x07\n", "line 2", "does not allow"),
    "a list": ("- a\n", "has no keys", "experiment: mine"),
    "nothing": ("# nothing\n", "is empty", "experiment: mine"),
    "Latin-1": (b"a: 1\nb: \xe9\n", "line 2", "UTF-8"),
    "UTF-16": ("a: 1\n".encode("utf-16"), "line 1", "UTF-8"),
}


def write(folder: Path, text: str | bytes, name: str = "mine.yaml") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_file_is_told_with_its_line(tmp_path: Path, case: str) -> None:
    text, *said = MALFORMED[case]
    path = write(tmp_path, text)
    with pytest.raises(UserError) as told:
        source.read(path)
    for part in (str(path), *said):
        assert part in str(told.value)


REPEATED = {
    # the file, the key, its line, that of the first
    "at the top": ("seed: 1\na: 2\nseed: 3\n", "seed", 3, 1),
    "in a section": ("full:\n  steps: 1\n  steps: 2\n", "full.steps", 3, 2),
    "a section": ("data:\n  a: 1\nfull: {}\ndata:\n  b: 2\n", "data", 4, 1),
    "in braces": ("full: {steps: 1,\n  rate: 2, steps: 3}\n", "full.steps", 2, 1),
    "with and without quotes": ('seed: 1\n"seed": 2\n', "seed", 2, 1),
    "in a list": ("a:\n- x: 1\n  x: 2\n", "a.0.x", 3, 2),
    "in JSON": ('{\n\t"seed": 1,\n\t"seed": 2\n}\n', "seed", 3, 2),
    "null removes, and is there": ("a: null\na: 1\n", "a", 2, 1),
}


@pytest.mark.parametrize("case", REPEATED)
def test_repeated_key_is_told_with_both_lines(tmp_path: Path, case: str) -> None:
    text, key, line, first = REPEATED[case]
    with pytest.raises(
        UserError, match=f"line {line}: {key} is there twice, first in line {first}"
    ):
        source.read(write(tmp_path, text))


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("no", "the truth value false"),
        ("YES", "the truth value true"),
        ("2024-01-01", "the date 2024-01-01"),
        ("0012", "the octal number 10"),
        ("1", "the number 1"),
        ("~", "null: nothing"),
        ("1.0", "the number 1.0"),
    ],
)
def test_key_that_yaml_changes_is_told(tmp_path: Path, key: str, said: str) -> None:
    path = write(tmp_path, f"coalitions:\n  {key}: {{distribution: full}}\n")
    with pytest.raises(UserError) as told:
        source.read(path)
    assert f"line 2: coalitions.{key}: a key is a text, but YAML reads {key} as {said}" in str(
        told.value
    )
    assert f"'{key}' in quotes" in str(told.value)


@pytest.mark.parametrize(
    "text",
    [
        "a: &x {steps: 1}\nb: {<<: *x, steps: 2}\n",
        "a: &x [*x]\n",
        '{"a": 1, "b": {"a": 2}}',
        "a: {x: 1}\nb: {x: 1}\n",
        "\ufeffa: 1\r\nb: 2\r\n",
        "__use_yte__: true\n?if True:\n  a: 1\n",
    ],
)
def test_sound_files_are_read(tmp_path: Path, text: str) -> None:
    assert source.read(write(tmp_path, text)).root is not None


@pytest.mark.parametrize(
    "overlay", [*ROOT.glob("experiments/*.yaml"), ROOT / "tests/tiny.yaml"], ids=str
)
def test_files_of_the_project_are_sound(overlay: Path) -> None:
    sources = source.read_all([ROOT / "config.yaml", overlay])
    for path in (ROOT / "config.yaml", overlay):
        assert misread.problems(yaml.full_load(path.read_text()), sources) == []


def problems(folder: Path, *texts: str) -> list[str]:
    """As Snakemake would lay the files over each other."""
    paths = [write(folder, text, f"{number}.yaml") for number, text in enumerate(texts)]
    config: dict[str, Any] = {}
    for path in paths:
        merge(config, yaml.full_load(path.read_text()))
    return misread.problems(config, source.read_all(paths))


def merge(config: dict[str, Any], change: dict[str, Any]) -> None:
    for key, value in change.items():
        if isinstance(value, dict) and isinstance(config.get(key), dict):
            merge(config[key], value)
        else:
            config[key] = value


CHANGED = {
    # what is written, how the message shows it, what YAML made of it
    "0012": ("10", "the octal number 10"),
    "no": ("false", "the truth value false"),
    "Yes": ("true", "the truth value true"),
    "on": ("true", "the truth value true"),
    "true": ("true", "the truth value true"),
    "2024-01-01": ("2024-01-01", "the date 2024-01-01"),
    "1_000": ("1000", "the number 1000"),
    "0x10": ("16", "the hexadecimal number 16"),
    "0b11": ("3", "the binary number 3"),
    "1:30": ("90", "the number 90"),
    "1.0": ("1.0", "the number 1.0"),
    "1.0e+3": ("1000.0", "the number 1000.0"),
    ".5": ("0.5", "the number 0.5"),
    "+7": ("7", "the number 7"),
    "00": ("0", "the number 0"),
}
NAMING = {
    "unlearning.remove.contributor": "unlearning: {{remove: {{contributor: {}}}}}",
    "unlearning.remove.label": "unlearning: {{remove: {{label: {}}}}}",
    "unlearning.remove.images.1": "unlearning: {{remove: {{images: [3, {}]}}}}",
    "data.labels.0": "data: {{labels: [{}]}}",
    "data.injected.image": "data: {{injected: {{image: {}}}}}",
}


@pytest.mark.parametrize("key", NAMING)
@pytest.mark.parametrize("text", CHANGED)
def test_name_that_yaml_changes_is_told_and_in_quotes_it_is_read(
    tmp_path: Path, key: str, text: str
) -> None:
    shown, made = CHANGED[text]
    (told,) = problems(tmp_path, "seed: 1\n", NAMING[key].format(text) + "\n")
    assert told.startswith(f"  {key} = {shown}: YAML reads {text} as {made} (")
    assert f"{tmp_path / '1.yaml'}, line 1)" in told
    assert f"write {text!r} in quotes" in told
    for quoted in (f"'{text}'", f'"{text}"', f"!!str {text}"):
        assert problems(tmp_path, NAMING[key].format(quoted)) == []


@pytest.mark.parametrize("key", NAMING)
@pytest.mark.parametrize("text", ["12", "0", "ann", "1e3", "0o12", "y", "12a", "0089", "'~'"])
def test_name_or_number_as_it_is_written_is_no_problem(tmp_path: Path, key: str, text: str) -> None:
    assert problems(tmp_path, NAMING[key].format(text)) == []


def test_null_in_a_list_of_names_is_told_and_null_for_none_is_not(tmp_path: Path) -> None:
    (told,) = problems(tmp_path, "data: {labels: [~, 1]}")
    assert "data.labels.0 = null: YAML reads ~ as null: nothing" in told
    assert problems(tmp_path, "unlearning: {remove: {contributor: null, label: 1}}") == []


def test_overlay_that_comes_last_wins(tmp_path: Path) -> None:
    octal, plain = "data: {labels: [0012]}", "data: {labels: [10]}"
    assert problems(tmp_path, octal, plain) == []
    assert problems(tmp_path, plain, "data: {labels: ['0012']}") == []
    (told,) = problems(tmp_path, plain, octal)
    assert str(tmp_path / "1.yaml") in told


def test_values_that_no_file_says_are_left_alone(tmp_path: Path) -> None:
    """As those of --config, and those of a test."""
    sources = [source.read(write(tmp_path, "data: {labels: [0012]}"))]
    assert misread.problems({"data": {"labels": [7]}}, sources) == []
    assert misread.problems({"data": {"labels": [10]}}, []) == []


NUMBERS = {
    # what is written for a number of steps, what is said; None where YAML reads what it says
    "0100": "write 100, or 64 if that was meant",
    "1:30": "write 90, or '1:30' in quotes",
    "2024-01-01": "'2024-01-01' in quotes",
    "0o100": None,
    "1_000": None,
    "0x10": None,
    "0": None,
    "100": None,
    "1e-3": None,
    "0.5": None,
    "no": None,
}


@pytest.mark.parametrize("text", NUMBERS)
def test_number_that_yaml_misreads_is_told_anywhere(tmp_path: Path, text: str) -> None:
    found = problems(tmp_path, f"full: {{steps: {text}}}")
    said = NUMBERS[text]
    assert len(found) == (said is not None)
    assert (said or "") in "".join(found)


@pytest.mark.parametrize(
    ("where", "told"),
    [("no", True), ("on", True), ("0012", True), ("true", False), ("1.5", False), ("gd", False)],
)
def test_records_are_chosen_by_what_is_written(tmp_path: Path, where: str, told: bool) -> None:
    for text in (where, f"[x, {where}]"):
        found = problems(tmp_path, f"records: {{tables: {{a: {{where: {{method: {text}}}}}}}}}")
        assert bool(found) == told


def test_other_messages_say_what_yaml_made_of_a_text(tmp_path: Path) -> None:
    path = write(tmp_path, "training:\n  mixed_precision: no\nfull: {steps: -1}\n")
    config = yaml.full_load(path.read_text())
    message = "Wrong:\n  training.mixed_precision = False: no\n  full.steps = -1: no"
    lines = misread.explained(message, config, [source.read(path)]).split("\n")
    assert len(lines) == 4
    assert (
        f"YAML reads no as the truth value false ({path}, line 2); write 'no' in quotes" in lines[2]
    )


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("training:\n", "training = null: must be a section", "a section has keys below it"),
        ("data:\n", "data = null: must be a section with keys", "leave it out for its defaults"),
        ("data: {labels: no}\n", "data.labels = false: must be a list", "write ['no'] for a list"),
        ("data: {labels: 012}\n", "data.labels = 10: must be a list", "write ['012'] for a list"),
        ("data: {source: no}\n", "data.source = false: must be a name", "write 'no' in quotes"),
    ],
)
def test_hint_is_what_the_key_takes(tmp_path: Path, text: str, message: str, hint: str) -> None:
    path = write(tmp_path, text)
    config = yaml.full_load(path.read_text())
    assert hint in misread.explained(f"Wrong:\n  {message}", config, [source.read(path)])


@pytest.mark.parametrize(
    "arguments",
    [
        ["--configfile", "good.yaml", "bad.yaml"],
        ["--configfiles", "bad.yaml", "--cores", "1"],
        ["all", "--configfile=bad.yaml"],
        ["-n", "--configfile", "good.yaml", "--configfile", "good.yaml"],
        ["--configfile", "bad.yaml", "--", "all"],
        ["--configfile", "nowhere.yaml"],
    ],
)
def test_overlays_of_the_command_line_are_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    write(tmp_path, "a: 1\n", "good.yaml")
    write(tmp_path, "a: [1\n", "bad.yaml")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        SystemExit, match=r"bad\.yaml, line 2|more than once|nowhere\.yaml: there is no such file"
    ):
        source.check_command(arguments)
    source.check_command(["--configfile", "good.yaml", "--config", "bad.yaml", "bad.yaml"])


KNOWN = {
    # the source and its contributors, the key, the names of the hint
    "subfolders": ({"contributors": "subfolder"}, "unlearning.remove.contributor", "0000, 0001"),
    "dealt": ({"contributors": 3}, "unlearning.remove.contributor", "contributor 00, contributor"),
    "classes of a folder": ({"contributors": 3}, "unlearning.remove.label", "0000, 0001"),
    "images": ({"contributors": "subfolder"}, "unlearning.remove.images.1", "0000/1.png"),
    "labels": ({"contributors": "subfolder"}, "data.labels.0", "0000, 0001"),
    "a table": ({"contributors": {"csv": "x", "column": "y"}}, "data.labels.0", ""),
}


@pytest.mark.parametrize("case", KNOWN)
def test_hint_lists_names_that_there_are(tmp_path: Path, case: str) -> None:
    data, key, said = KNOWN[case]
    for number in range(6):
        (tmp_path / f"{number:04d}").mkdir()
        (tmp_path / f"{number:04d}/1.png").touch()
    raw = {"data": {"source": "folder", "path": str(tmp_path), "image_size": 8, "channels": 1}}
    raw["data"] |= data
    path = write(tmp_path, NAMING[key].format("0012") + "\n")
    merge(raw, yaml.full_load(path.read_text()))
    (told,) = misread.problems(raw, [source.read(path)], known.names)
    assert f"(names: {said}" in told if said else "names:" not in told
