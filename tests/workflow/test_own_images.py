"""One's own images: a subfolder, or a value of a CSV column, for each contributor."""

import numpy as np
import pandas as pd
import pytest
from copied_workflow import Workflow
from overlays import overlaid
from PIL import Image

PEOPLE = ["ann", "bob", "eve"]


@pytest.fixture
def gallery(workflow: Workflow) -> Workflow:
    """A folder of color images of several sizes, two shades of noise for each person."""
    rng = np.random.default_rng(0)
    rows = []
    for number, person in enumerate(PEOPLE):
        (workflow.folder / "gallery" / person).mkdir(parents=True)
        for image in range(12):
            shape = (10 + image, 12, 3)
            pixels = rng.integers(80 * number, 80 * number + 60, shape, dtype=np.uint8)
            name = f"{person}/{image}.{'png' if image % 2 else 'jpg'}"
            Image.fromarray(pixels).save(workflow.folder / "gallery" / name)
            rows.append({"file": name, "artist": PEOPLE[image % 2], "year": 1900})
    pd.DataFrame(rows).to_csv(workflow.folder / "gallery" / "labels.csv", index=False)
    data = {"source": "folder", "path": "gallery", "channels": 3, "contributors": "subfolder"}
    data |= {"image_size": 8, "planted": {"contributors": 0}}
    workflow.overlay = overlaid(workflow.overlay, {"data": data})
    return workflow


def test_subfolders_to_behaviors(gallery: Workflow) -> None:
    target = "results/tiny/behaviors/retrain/full.parquet"
    done = gallery.run(target)
    assert done.returncode == 0, done.stdout + done.stderr
    contributors = pd.read_parquet(gallery.run_folder / "data/contributors.parquet")
    assert contributors["name"].tolist() == PEOPLE
    assert contributors["size"].tolist() == [12, 12, 12]
    behaviors = pd.read_parquet(gallery.folder / target)
    assert np.isfinite(behaviors["value"]).all()


def test_column_of_a_table(gallery: Workflow) -> None:
    table = {"csv": "labels.csv", "column": "artist"}
    gallery.overlay = overlaid(gallery.overlay, {"data": {"contributors": table}})
    target = "results/tiny/data/contributors.parquet"
    done = gallery.run(target)
    assert done.returncode == 0, done.stdout + done.stderr
    contributors = pd.read_parquet(gallery.folder / target)
    assert contributors["name"].tolist() == ["ann", "bob"]
    assert contributors["size"].tolist() == [18, 18]


def test_another_image_is_read(gallery: Workflow) -> None:
    """What is not read, and other time stamps of equal files, change nothing."""
    target = "results/tiny/data/train.parquet"
    assert gallery.run(target).returncode == 0
    assert gallery.planned(target) == {}
    place = gallery.folder / "gallery"
    (place / ".hidden").mkdir()
    for name in ("loose.png", ".hidden/1.png", "bob/.1.png"):
        Image.new("RGB", (8, 8)).save(place / name)
    for name in ("README", "notes.csv", "ann/README", "ann/Thumbs.db"):
        (place / name).write_text("hi")
    for path in place.rglob("*.jpg"):
        path.touch()
    assert gallery.planned(target) == {}
    Image.new("RGB", (8, 8)).save(gallery.folder / "gallery/bob/new.png")
    assert gallery.planned(target) == {"data": 1}


def test_table_of_another_name_is_read_again(gallery: Workflow) -> None:
    """And so are images of any suffix that it names."""
    place, target = gallery.folder / "gallery", "results/tiny/data/train.parquet"
    for number, person in enumerate(["ann", "bob"] * 2):
        Image.new("RGB", (8, 8), (60 * number, 9, 9)).save(place / f"{number}.jfif", "JPEG")
        with (place / "labels.txt").open("a") as table:
            table.write("" if number else "file,artist\n")
            table.write(f"{number}.jfif,{person}\n")
    contributors = {"csv": "labels.txt", "column": "artist"}
    gallery.overlay = overlaid(gallery.overlay, {"data": {"contributors": contributors}})
    assert gallery.run(target).returncode == 0
    assert gallery.planned(target) == {}
    before = (place / "labels.txt").read_text()
    (place / "labels.txt").write_text(before.replace("2.jfif,ann", "2.jfif,bob"))
    assert gallery.planned(target) == {"data": 1}
    (place / "labels.txt").write_text(before)
    assert gallery.planned(target) == {}
    Image.new("RGB", (8, 8), (1, 2, 3)).save(place / "0.jfif", "JPEG")
    assert gallery.planned(target) == {"data": 1}


def test_image_is_removed_by_its_file(gallery: Workflow) -> None:
    unlearning = {"approaches": ["siss"], "forgetting": "loss", "remove": {"images": ["eve/3.png"]}}
    asked = {
        "approaches": {"siss": {"start": "full"}},
        "behaviors": {"loss": {"measure": {"name": "denoising_loss", "images": "removed"}}},
        "unlearning": unlearning,
    }
    gallery.overlay = overlaid(gallery.overlay, asked)
    target = "results/tiny/unlearning/removed.parquet"
    assert gallery.run(target).returncode == 0
    train = pd.read_parquet(gallery.run_folder / "data/train.parquet")
    row = train["name"].tolist().index("eve/3.png")
    removed = pd.read_parquet(gallery.folder / target)
    assert removed["image"].tolist() == [train["image"][row]]
    retained = pd.read_parquet(gallery.run_folder / "unlearning/retained.parquet")["row"]
    assert retained.tolist() == [number for number in range(36) if number != row]
    gallery.overlay = overlaid(
        gallery.overlay, {"unlearning": {"remove": {"images": ["eve/3.jpg"]}}}
    )
    done = gallery.run(target)
    assert done.returncode == 1
    assert "unlearning.remove.images = ['eve/3.jpg']: 'eve/3.jpg' is no image" in done.stderr
