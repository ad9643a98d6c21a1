"""Read a folder of the user's images: files, contributors and pixels."""

import os
import unicodedata
from collections import Counter
from pathlib import Path

from diffcredit import folders, image_files
from diffcredit.config.data import CsvContributors, Data
from diffcredit.config.names import shortened, tell_spellings
from diffcredit.contents import Head, read_head
from diffcredit.data.dataset import place
from diffcredit.data.images import ReadImages, names_to_numbers, of_classes
from diffcredit.data.owners import read_owners, tell_other_ways
from diffcredit.errors import UserError
from diffcredit.image_files import BESIDE, UNNAMED, ImageListing
from diffcredit.image_formats import NAMED
from diffcredit.logs import logger


def read(settings: Data, base: Path) -> ReadImages:
    """Read the images of ``settings.path`` (relative to ``base``), sorted by their path.

    Labels are the first folder level, or the contributors if a CSV table names them. They train the
    classifier that measures samples. Files that are not read are logged.

    Raises:
        UserError: if a file is unreadable or missing, a path leaves the folder, or no image of a
            contributor can be read.
    """
    folder = place(settings, base)
    names, groups, found = _listed(settings, folder, read_head)
    owned = not isinstance(settings.contributors, int)
    kind = "contributor" if owned and settings.contributors != "image" else "group"
    summary = f"{len(names)} images of {len(set(groups))} {kind}s"
    image_files.tell(found, summary, folder)
    _check_nobody_vanishes(settings, folder, set(groups), found)
    if not isinstance(settings.contributors, CsvContributors):
        tell_spellings([name.split("/")[0] for name in names], kind, f"the subfolders of {folder}")
    _tell_shared(folder, names, groups)
    pixels = image_files.read(
        [folder / name for name in names],
        settings.image_size,
        settings.channels,
        settings.background_color,
    )
    labels, numbers = names_to_numbers(groups)
    return of_classes(pixels, numbers, labels, owned=owned, files=_shown(names))


def files(settings: Data, base: Path, head: Head) -> list[str]:
    """The files that `read` reads: the images of contributors, and the table of contributors.

    Args:
        settings: as for `read`.
        base: as for `read`.
        head: reads the first bytes of a file.
    """
    folder = place(settings, base)
    names, _, _ = _listed(settings, folder, head)
    source = settings.contributors
    tables = [source.csv] if isinstance(source, CsvContributors) else []
    return [f"{folder}/{name}" for name in (*tables, *names)]


def _listed(settings: Data, folder: Path, head: Head) -> tuple[list[str], list[str], ImageListing]:
    """Names of the images, their groups, and the listing of all files."""
    found = image_files.find(folder, head)
    if isinstance(settings.contributors, CsvContributors):
        names, groups = _from_csv(folder, settings.contributors)
        table = os.path.normpath(settings.contributors.csv)
        left = {why: [n for n in names if n != table] for why, names in found.left.items()}
        return names, groups, ImageListing(found.images, left).only(names, UNNAMED)
    names = [name for name in found.images if "/" in name]
    if not names:
        rest = image_files.not_read(found.only(names, BESIDE).left)
        raise UserError(
            f"data.path = {folder} has no images in subfolders"
            + (f"; not read: {rest}" if rest else "")
            + "\n    Hint: one subfolder for each contributor, with images that are read: PNG, "
            "JPEG, GIF, WebP, AVIF, TIFF, BMP or PPM"
        )
    return names, [image_files.owner(name) for name in names], found.only(names, BESIDE)


def _check_nobody_vanishes(
    settings: Data, folder: Path, groups: set[str], found: ImageListing
) -> None:
    """Check that every subfolder with files has an image, if subfolders are contributors."""
    if isinstance(settings.contributors, CsvContributors):
        return
    if empty := folders.empty_subfolders(folder):
        logger.warning(
            "empty subfolders, which are no contributors (%d): %s",
            len(empty),
            ", ".join(map(repr, empty)),
        )
    names = folders.subfolders(folder)
    lost = [name for name in names if folders.meant(name) not in groups]
    if not lost:
        return
    lines = []
    for name in lost[:NAMED]:
        own = {
            why: [n for n in left if n == name or n.startswith(f"{name}/")]
            for why, left in found.left.items()
        }
        lines.append(f"  {name}: {image_files.not_read(own)}")
    message = f"{folder}: no image can be read in {len(lost)} of {len(names)} subfolders:\n" + (
        "\n".join([*lines, *(["  ..."] if len(lost) > NAMED else [])])
    )
    if isinstance(settings.contributors, int) or settings.contributors == "image":
        logger.warning("%s", message)
        return
    raise UserError(
        f"{message}\n    Hint: each would vanish from the contributors; convert its files to PNG "
        "or JPEG, give permission or mend the links, or move the folder out of data.path"
    )


def _tell_shared(folder: Path, names: list[str], groups: list[str]) -> None:
    """Warn about files that several groups share by links."""
    owners: dict[tuple[int, int], tuple[str, str]] = {}
    shared = []
    for name, group in zip(names, groups, strict=True):
        try:
            status = (folder / name).stat()
        except OSError:
            continue
        first = owners.setdefault((status.st_dev, status.st_ino), (group, name))
        if first[0] != group:
            shared.append(f"{name} is {first[1]}")
    if shared:
        logger.warning(
            "files that belong to more than one contributor by links (%d): %s",
            len(shared),
            shortened(shared),
        )


def _shown(names: list[str]) -> list[str]:
    """File names in Unicode normal form NFC, unless that makes two names equal."""
    shown = [folders.as_text(name) for name in names]
    return shown if len(set(shown)) == len(shown) else names


def _from_csv(folder: Path, source: CsvContributors) -> tuple[list[str], list[str]]:
    """Files, relative to the folder, and their values of the column."""
    path = folder / source.csv
    table = read_owners(folder, source)
    files = _places(folder, list(table[source.file]), path)
    if again := [file for file, count in Counter(files).items() if count > 1]:
        raise UserError(
            f"{path} lists {len(again)} {'image' if len(again) == 1 else 'images'} more than once: "
            f"{shortened(map(repr, again))}\n    Hint: an image has one contributor, and one row"
        )
    if empty := [n for n, c in zip(table[source.file], table[source.column], strict=True) if not c]:
        raise UserError(
            f"{path}: {len(empty)} images have no contributor: {shortened(map(repr, empty))}\n"
            "    Hint: name one, or take their rows out of the table"
        )
    return files, list(table[source.column])


def _places(folder: Path, names: list[str], table: Path) -> list[str]:
    """Files of a table, relative to the folder; each must exist.

    Links may lead out of the folder, but ".." in a table may not. Names may have backslashes, or
    another Unicode normal form.
    """
    places = [_inside(folder, name, table) for name in names]
    lost = {place for place in places if not (folder / place).is_file()}
    if not lost:
        return places
    there = _by_meaning(folder)
    in_order = [place for place in dict.fromkeys(places) if place in lost]
    meant = {place: there[key] for place in in_order if (key := _meaning(place)) in there}
    missing = [n for n, p in zip(names, places, strict=True) if p in lost and p not in meant]
    if missing:
        raise _missing(missing, there, table, folder)
    tell_other_ways(table, {there: place for place, there in meant.items()})
    return [meant.get(place, place) for place in places]


def _inside(folder: Path, name: str, table: Path) -> str:
    place = os.path.normpath(name)
    if Path(place).is_absolute():
        place = os.path.relpath(place, folder.absolute())
    if Path(place).parts[:1] == (os.pardir,):
        raise UserError(f"{table} names {name!r}, which lies outside data.path = {folder}")
    return place


def _meaning(name: str) -> str:
    return unicodedata.normalize("NFC", os.path.normpath(name.replace("\\", "/")))


def _by_meaning(folder: Path) -> dict[str, str]:
    return {_meaning(name): name for name in folders.files(folders.walk(folder))}


def _missing(missing: list[str], there: dict[str, str], table: Path, folder: Path) -> UserError:
    more = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
    named = ", ".join(repr(name) for name in missing[:NAMED])
    verb = "which does" if len(missing) == 1 else f"{len(missing)} files that do"
    spelled = {place.casefold(): place for place in there}
    close = spelled.get(_meaning(missing[0]).casefold())
    hint = (
        f"\n    Hint: did you mean {close!r}?"
        if close
        else ("\n    Hint: put the files there, or take their rows out of the table")
    )
    return UserError(f"{table} names {named}{more}, {verb} not exist in data.path = {folder}{hint}")
