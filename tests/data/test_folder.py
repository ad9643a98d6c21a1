"""One's own folder of images: subfolders, CSV tables, and what may be wrong with them."""

import logging
import os
import shutil
import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from diffcredit.config import CsvContributors, Data
from diffcredit.config.counts import known_owners
from diffcredit.contents import listing
from diffcredit.data.folder import Folder
from diffcredit.data.images import ReadImages
from diffcredit.errors import UserError

#: File -> gray level.
FILES = {"ann/1.png": 10, "ann/more/2.JPG": 20, "bob/1.png": 30, "cid/x.png": 40, "cid/y.png": 50}
COLUMN = CsvContributors(csv="owners.csv", column="owner")


@pytest.fixture
def images(tmp_path: Path) -> Path:
    place = tmp_path / "images"
    for name, level in FILES.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        pixels = np.full((8, 8), level, dtype=np.uint8)
        Image.fromarray(pixels).save(place / name, quality=100)
    (place / "ann" / "notes.txt").write_text("no image")
    return place


def read(images: Path, contributors: object = "subfolder") -> ReadImages:
    settings = Data(
        source="folder", path="images", image_size=8, channels=1, contributors=contributors
    )
    return Folder().read(settings, images.parent)


def csv(images: Path, text: str) -> None:
    (images / "owners.csv").write_text(text)


def levels(dataset: ReadImages) -> list[int]:
    return [int(pixels.mean().round()) for pixels in dataset.images.pixels]


def test_each_subfolder_is_a_contributor(images: Path) -> None:
    dataset = read(images)
    assert dataset.contributor_names == ["ann", "bob", "cid"]
    assert levels(dataset) == [10, 20, 30, 40, 50]
    assert dataset.files == sorted(FILES)
    assert list(dataset.images.contributors) == [0, 0, 1, 2, 2]
    np.testing.assert_array_equal(dataset.images.labels, dataset.images.contributors)
    assert dataset.images.pixels.shape == (5, 8, 8, 1)


def test_dealt_images_keep_their_subfolder_as_label(images: Path) -> None:
    dataset = read(images, 2)
    assert list(dataset.images.labels) == [0, 0, 1, 2, 2]
    assert (dataset.images.contributors == -1).all()
    assert dataset.contributor_names == []


def test_column_of_a_table_names_the_contributors(images: Path) -> None:
    """Images that the table does not list are not used; names stay texts."""
    csv(images, "file,owner,year\ncid/x.png,007,1880\nann/1.png,NA,1890\ncid/y.png,007,1870\n")
    dataset = read(images, COLUMN)
    assert dataset.contributor_names == ["007", "NA"]
    assert levels(dataset) == [40, 10, 50]
    assert dataset.files == ["cid/x.png", "ann/1.png", "cid/y.png"]
    assert list(dataset.images.contributors) == [0, 1, 0]


def test_images_keep_the_names_that_the_table_gives_them(images: Path) -> None:
    (images / "link.png").symlink_to(images / "cid" / "x.png")
    csv(images, "file,owner\nlink.png,ann\n./bob/../cid/x.png,bob\n")
    assert read(images, COLUMN).files == ["link.png", "cid/x.png"]


def test_column_of_the_path_may_have_another_name(images: Path) -> None:
    csv(images, "owner,picture\nann,ann/1.png\n")
    source = CsvContributors(csv="owners.csv", column="owner", file="picture")
    assert levels(read(images, source)) == [10]


def test_unreadable_and_truncated_images_are_told_by_name(images: Path) -> None:
    path = images / "bob" / "1.png"
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(UserError, match=r"bob/1\.png cannot be read"):
        read(images)


def test_folder_without_images_is_told(tmp_path: Path) -> None:
    (tmp_path / "images" / "ann").mkdir(parents=True)
    (tmp_path / "images" / "loose.png").write_bytes(b"")
    with pytest.raises(UserError, match="has no images in subfolders"):
        read(tmp_path / "images")


def test_table_without_the_column_is_told_with_those_it_has(images: Path) -> None:
    csv(images, "file,artist\nann/1.png,ann\n")
    with pytest.raises(UserError, match=r"column = 'owner': .*owners\.csv.*\n.*file, artist"):
        read(images, COLUMN)
    csv(images, "path,owner\nann/1.png,ann\n")
    with pytest.raises(UserError, match=r"contributors\.file = 'file': .*owners\.csv"):
        read(images, COLUMN)


@pytest.mark.parametrize("name", ["../secret.png", "ann/../../secret.png", "/etc/hostname", ".."])
def test_path_that_leaves_the_folder_is_refused(images: Path, name: str) -> None:
    Image.new("L", (8, 8)).save(images.parent / "secret.png")
    csv(images, f"file,owner\nann/1.png,ann\n{name},eve\n")
    with pytest.raises(UserError, match=r"owners\.csv names .*outside data\.path"):
        read(images, COLUMN)


def test_link_that_the_user_put_there_is_followed(images: Path) -> None:
    Image.new("L", (8, 8), 77).save(images.parent / "elsewhere.png")
    (images / "link.png").symlink_to("../elsewhere.png")
    csv(images, "file,owner\nlink.png,eve\n")
    assert levels(read(images, COLUMN)) == [77]


@pytest.mark.parametrize("name", ["ann/3.png", "ann", ""])
def test_file_that_is_missing_is_told_with_the_table(images: Path, name: str) -> None:
    csv(images, f"file,owner\nann/1.png,ann\n{name},bob\n")
    with pytest.raises(UserError, match=rf"owners\.csv names '{name}', which does not exist"):
        read(images, COLUMN)


def test_image_without_a_contributor_is_told(images: Path) -> None:
    csv(images, "file,owner\nann/1.png,ann\nbob/1.png,\n")
    with pytest.raises(UserError, match=r"1 images have no contributor: 'bob/1\.png"):
        read(images, COLUMN)


@pytest.mark.parametrize("text", ["", "file,owner\n", 'file,owner\n"ann/1.png,ann\n'])
def test_empty_and_broken_tables_are_told_by_name(images: Path, text: str) -> None:
    csv(images, text)
    with pytest.raises(UserError, match=r"owners\.csv"):
        read(images, COLUMN)


def test_table_that_is_no_text_is_told_by_name(images: Path) -> None:
    (images / "owners.csv").write_bytes(b"file,owner\n\xff\xfe\x00\x81,x\n")
    with pytest.raises(UserError, match=r"owners\.csv cannot be read as a CSV table"):
        read(images, COLUMN)
    (images / "owners.csv").unlink()
    with pytest.raises(UserError, match=r"owners\.csv cannot be read as a CSV table"):
        read(images, COLUMN)


def test_image_that_the_table_names_twice_is_told(images: Path) -> None:
    """Else it is trained on twice and belongs to two contributors."""
    csv(images, "file,owner\nann/1.png,ann\nbob/1.png,bob\nann/1.png,eve\n")
    with pytest.raises(UserError, match=r"ann/1\.png"):
        read(images, COLUMN)


def several_missing(images: Path) -> None:
    csv(images, "file,owner\n" + "".join(f"gone{n}.png,ann\n" for n in range(12)))


def test_all_missing_files_of_a_table_are_named_at_once(images: Path) -> None:
    several_missing(images)
    with pytest.raises(UserError, match=r"'gone0\.png', .*'gone9\.png' and 2 more, 12 files"):
        read(images, COLUMN)


@pytest.mark.parametrize(
    ("written", "there"),
    [
        ("caf\u00e9/1.png", "cafe\u0301/1.png"),
        ("cafe\u0301/1.png", "caf\u00e9/1.png"),
        ("more\\1.png", "more/1.png"),
        ("more\\deep\\1.png", "more/deep/1.png"),
        (".\\1.png", "1.png"),
    ],
)
def test_table_written_on_another_system(
    images: Path, written: str, there: str, caplog: pytest.LogCaptureFixture
) -> None:
    (images / there).parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (8, 8), 66).save(images / there)
    csv(images, f"file,owner\n{written},ann\n")
    with caplog.at_level(logging.WARNING, "diffcredit"):
        assert levels(read(images, COLUMN)) == [66]
    assert "in another way" in caplog.text


def test_other_capitals_are_a_hint_and_not_a_guess(images: Path) -> None:
    csv(images, "file,owner\nAnn/1.PNG,ann\n")
    with pytest.raises(UserError, match=r"did you mean 'ann/1\.png'"):
        read(images, COLUMN)


def test_images_that_no_row_names_are_told(images: Path, caplog: pytest.LogCaptureFixture) -> None:
    csv(images, "file,owner\nann/1.png,ann\n")
    with caplog.at_level(logging.WARNING, "diffcredit"):
        read(images, COLUMN)
    assert "4 images in no row of the table" in caplog.text
    assert "owners.csv" not in caplog.text


# What systems and people leave, by what is said of it ("" for nothing but a count).


def link(target: str, name: str) -> Callable[[Path], None]:
    return lambda images: (images / name).symlink_to(target)


def copied(name: str) -> Callable[[Path], None]:
    def copy(images: Path) -> None:
        (images / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(images / "bob/1.png", images / name)

    return copy


def written(name: str, content: bytes = b"text") -> Callable[[Path], None]:
    def write(images: Path) -> None:
        (images / name).parent.mkdir(parents=True, exist_ok=True)
        (images / name).write_bytes(content)

    return write


HEIC = b"\0\0\0\x18ftypheic\0\0\0\0"
#: What is added, what is said of it, and whether it is a warning.
LEFT: dict[str, tuple[Callable[[Path], None], str, bool]] = {
    "Finder": (written("ann/.DS_Store"), "1 hidden", False),
    "resource fork": (written("ann/._1.png"), "1 hidden", False),
    "hidden folder": (copied(".cache/1.png"), "1 hidden", False),
    "Explorer": (written("ann/Thumbs.db"), "1 system file", False),
    "desktop.ini": (written("bob/Desktop.ini"), "1 system file", False),
    "unzipped on a Mac": (copied("__MACOSX/ann/2.png"), "1 system file", False),
    "a text": (written("bob/README"), "1 file without a suffix", False),
    "a table": (written("bob/notes.csv"), "1 .csv", False),
    "HEIC": (written("bob/1.HEIC", HEIC), "1 .heic", True),
    "HEIC called JPEG": (written("bob/1.jpg", HEIC), "1 .heic", True),
    "a drawing": (written("bob/1.svg", b"<svg/>"), "1 .svg", True),
    "an archive": (written("bob/more.zip", b"PK"), "1 .zip", True),
    "beside": (copied("loose.png"), "1 image beside the subfolders", True),
    "broken link": (link("nowhere.png", "ann/broken.png"), "1 broken link", True),
    "broken link to a folder": (link("nowhere", "nobody"), "1 broken link", True),
    "link to itself": (link("self", "ann/self"), "1 broken link", True),
    "link upwards": (link("..", "ann/up"), "1 link to a folder that it lies in", True),
    "link to its own folder": (link(".", "ann/here"), "1 link to a folder that it lies in", True),
    "pipe": (lambda images: os.mkfifo(images / "ann/pipe.png"), "1 special file", True),
    "second way": (link("more", "ann/again"), "1 link to a folder that is read already", True),
}


@pytest.mark.parametrize("what", LEFT)
def test_what_is_not_read_is_told(
    images: Path, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    add, said, warning = LEFT[what]
    add(images)
    with caplog.at_level(logging.INFO, "diffcredit"):
        dataset = read(images)
    assert levels(dataset) == [10, 20, 30, 40, 50]
    record = next(r for r in caplog.records if "images of 3 contributors" in r.getMessage())
    assert said in record.getMessage()
    assert (record.levelno == logging.WARNING) == warning
    assert known_owners(settings(), images.parent) == 3


def settings(contributors: object = "subfolder") -> Data:
    return Data(source="folder", path="images", image_size=8, channels=1, contributors=contributors)


#: What is added, and the images that are read besides, by contributor.
FOLLOWED: dict[str, tuple[Callable[[Path], None], dict[str, int]]] = {
    "a link to a file": (link("../bob/1.png", "ann/link.png"), {"ann": 1}),
    "a link to a folder": (link("../cid", "ann/link"), {"ann": 2}),
    "a contributor that is a link": (link("cid", "dan"), {"dan": 2}),
    "a link from one link to another": (
        lambda images: [link("cid", "dan")(images), link("../dan", "bob/link")(images)],
        {"dan": 2, "bob": 2},
    ),
    "no suffix": (copied("ann/image"), {"ann": 1}),
    "another suffix": (copied("bob/download.jpg_large"), {"bob": 1}),
    "capitals": (copied("bob/IMG.PNG"), {"bob": 1}),
    "a blank at the end of a folder": (copied("ann /9.png"), {"ann": 1}),
    "a blank at the beginning": (copied(" bob/9.png"), {"bob": 1}),
    "only other capitals": (copied("Ann/9.png"), {"Ann": 1}),
    "bytes that are no text": (copied(os.fsdecode(b"ann/\xff.png")), {"ann": 1}),
}


@pytest.mark.parametrize("what", FOLLOWED)
def test_what_is_read_besides(images: Path, what: str) -> None:
    add, more = FOLLOWED[what]
    add(images)
    dataset = read(images)
    sizes = np.bincount(dataset.images.contributors)
    expected = {"ann": 2, "bob": 1, "cid": 2}
    for name, count in more.items():
        expected[name] = expected.get(name, 0) + count
    assert dict(zip(dataset.contributor_names, sizes.tolist(), strict=True)) == expected
    assert known_owners(settings(), images.parent) == len(expected)
    assert all(name.encode() for name in dataset.files or [])


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_letters_in_pieces_are_the_same_name(
    images: Path, form: str, caplog: pytest.LogCaptureFixture
) -> None:
    copied(unicodedata.normalize(form, "ren\u00e9/1.png"))(images)
    assert read(images).contributor_names[-1] == "ren\u00e9"
    copied(unicodedata.normalize("NFD" if form == "NFC" else "NFC", "ren\u00e9/2.png"))(images)
    with caplog.at_level(logging.WARNING, "diffcredit"):
        dataset = read(images)
    assert dataset.contributor_names == ["ann", "bob", "cid", "ren\u00e9"]
    assert np.bincount(dataset.images.contributors).tolist() == [2, 1, 2, 2]
    assert "are one contributor" in caplog.text


VANISHING: dict[str, tuple[Callable[[Path], None], str]] = {
    "texts alone": (written("dan/README.txt"), "dan: 1 .txt"),
    "HEIC alone": (written("dan/1.heic", HEIC), "dan: 1 .heic"),
    "drawings deep inside": (written("dan/more/1.svg", b"<svg/>"), "dan: 1 .svg"),
    "a broken link alone": (
        lambda images: [(images / "dan").mkdir(), link("no.png", "dan/1.png")(images)],
        "dan: 1 broken link",
    ),
    "a way back alone": (
        lambda images: [(images / "dan").mkdir(), link("..", "dan/up")(images)],
        "dan: 1 link to a folder that it lies in",
    ),
    "the folder itself": (link(".", "dan"), "dan: 1 link to a folder that it lies in"),
}


@pytest.mark.parametrize("what", VANISHING)
def test_contributor_who_would_vanish_stops_the_run(images: Path, what: str) -> None:
    add, said = VANISHING[what]
    add(images)
    with pytest.raises(UserError, match=rf"in 1 of 4 subfolders:\n  {said}"):
        read(images)
    assert known_owners(settings(), images.parent) == 4
    assert len(read(images, 2).label_names) == 3  # Where images are dealt, it is nobody's.


@pytest.mark.parametrize("name", ["empty", "empty/more", "__MACOSX", ".git", "$RECYCLE.BIN"])
def test_empty_folder_is_no_contributor(images: Path, name: str) -> None:
    (images / name).mkdir(parents=True)
    assert len(read(images).contributor_names) == known_owners(settings(), images.parent) == 3


@pytest.mark.parametrize("name", ["ann/more", "dan", "ann", "bob"])
def test_folder_without_permission(
    images: Path, name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (images / "dan").mkdir()
    copied("dan/1.png")(images)
    real = os.scandir

    def forbidden(place: Path) -> object:
        if Path(place) == images / name:
            raise PermissionError(13, "Permission denied")
        return real(place)

    monkeypatch.setattr(os, "scandir", forbidden)
    if name == "ann/more":
        with caplog.at_level(logging.WARNING, "diffcredit"):
            assert levels(read(images)) == [10, 30, 40, 50, 30]
        assert "1 folder without permission" in caplog.text
        return
    with pytest.raises(UserError, match=f"{name}: 1 folder without permission"):
        read(images)
    assert known_owners(settings(), images.parent) == 4


def test_deep_folders_are_walked(images: Path) -> None:
    deep = images / "ann" / "/".join(["d"] * 300)
    deep.mkdir(parents=True)
    shutil.copy(images / "bob/1.png", deep / "1.png")
    assert sum(level == 30 for level in levels(read(images))) == 2


# What is digested is what is read.


def digest(images: Path, contributors: object = "subfolder") -> str:
    place = images.parent / "images"
    asked = settings(contributors)
    reads = lambda head: Folder().files(asked, images.parent, head)  # noqa: E731
    return listing(place, reads, images.parent / "caches")


def touched(images: Path) -> None:
    for path in images.rglob("*"):
        os.utime(path)


def rewritten(images: Path) -> None:
    for path in images.rglob("*.png"):
        content = path.read_bytes()
        path.unlink()
        path.write_bytes(content)


def unlinked(images: Path) -> None:
    shutil.copytree(images / "cid", images / "copy", symlinks=False)
    shutil.rmtree(images / "cid")
    (images / "copy").rename(images / "cid")


UNCHANGED = {
    "nothing": lambda images: None,
    "touched": touched,
    "copied again": rewritten,
    "copied and renamed": unlinked,
    "loose": copied("loose.png"),
    "hidden": copied(".hidden/1.png"),
    "hidden in a folder": copied("ann/.1.png"),
    "README": written("README"),
    "README in a folder": written("ann/README"),
    "a table that is not the table": written("notes.csv"),
    "HEIC": written("ann/1.heic", HEIC),
    "litter": written("ann/Thumbs.db"),
    "empty folder": lambda images: (images / "dan").mkdir(),
    "broken link": link("nowhere", "ann/1.gif"),
}


@pytest.mark.parametrize("change", UNCHANGED)
def test_what_is_not_read_changes_no_digest(images: Path, change: str) -> None:
    before = digest(images)
    UNCHANGED[change](images)
    assert digest(images) == before


def same_size_and_time(images: Path) -> None:
    """What an editor could do that keeps time stamps: bytes change, size and time do not."""
    path = images / "bob/1.png"
    status, content = path.stat(), bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


CHANGED = {
    "another image": copied("ann/3.png"),
    "another image of a new suffix": copied("ann/3.jfif"),
    "without a suffix": copied("ann/image"),
    "behind a link": link("../cid", "ann/link"),
    "a new contributor": copied("dan/1.png"),
    "other bytes of the same size and time": same_size_and_time,
    "renamed": lambda images: (images / "bob/1.png").rename(images / "bob/2.png"),
    "moved": lambda images: (images / "cid/x.png").rename(images / "bob/x.png"),
    "removed": lambda images: (images / "cid/x.png").unlink(),
    "no longer hidden": lambda images: (images / "ann").rename(images / "eve"),
}


@pytest.mark.parametrize("change", CHANGED)
def test_what_is_read_changes_the_digest(images: Path, change: str) -> None:
    before = digest(images)
    CHANGED[change](images)
    assert digest(images) != before


@pytest.mark.parametrize("name", ["labels.txt", "owners", "table.csv", "t.tsv", "more/l.csv"])
def test_table_counts_whatever_it_is_called(images: Path, name: str) -> None:
    """And of the images only those that it names."""
    source = CsvContributors(csv=name, column="owner")
    written(name, b"file,owner\nann/1.png,ann\n")(images)
    before = digest(images, source)
    copied("bob/9.png")(images)
    assert digest(images, source) == before
    written(name, b"file,owner\nann/1.png,bob\n")(images)
    other = digest(images, source)
    assert other != before
    shutil.copy(images / "bob/1.png", images / "ann/1.png")
    assert digest(images, source) not in (before, other)


def test_known_files_are_not_read_again(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in images.rglob("*"):
        os.utime(path, (1, 1))
    monkeypatch.setattr("diffcredit.contents.FRESH", -1e6)
    before = digest(images)
    opened: list[str] = []
    real = Path.open

    def watched(path: Path, *args: object, **kwargs: object) -> object:
        opened.append(path.name)
        return real(path, *args, **kwargs)

    monkeypatch.setattr(Path, "open", watched)
    assert digest(images) == before
    assert not {name for name in opened if not name.endswith(".json")}


def test_broken_cache_is_made_again(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diffcredit.contents.FRESH", -1e6)
    before = digest(images)
    (cache,) = (images.parent / "caches").iterdir()
    for content in ("", "[]", "{", '{"a": 1}', "null"):
        cache.write_text(content)
        assert digest(images) == before
