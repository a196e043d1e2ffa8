"""A photo in, a picture and a table out: real faces, every kind of file."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from groups import scattered, side_by_side
from PIL import Image, ImageChops, ImageCms

from pipeline.errors import DatasetError, ModelError, UnreadableImageError
from pipeline.files import sha256_of
from pipeline.params import Params
from pipeline.photo.label import PhotoLabeller, _save
from pipeline.records import UNKNOWN
from pipeline.roster import roster_path

MEMBERS = ("juno", "kaia", "mira", "soren", "tavi")
PHOTOS = tuple(f"photos/{member}/img_0002.jpg" for member in MEMBERS)
ORIENTATION = 0x0112
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

Writer = Callable[[Image.Image, Path], None]


@pytest.fixture(scope="module")
def row() -> Image.Image:
    """The five members side by side."""
    return Image.fromarray(side_by_side(PHOTOS))


@pytest.fixture
def labeller(project: Path, params: Params, monkeypatch: pytest.MonkeyPatch) -> PhotoLabeller:
    monkeypatch.chdir(project)
    return PhotoLabeller("lanterns", params)


def told(table: Path) -> dict:
    return json.loads(table.read_text(encoding="utf-8"))


def turned(image: Image.Image, path: Path) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    image.transpose(Image.Transpose.ROTATE_90).save(path, exif=exif, quality=95)


def animated(image: Image.Image, path: Path) -> None:
    image.save(path, save_all=True, append_images=[ImageChops.invert(image)], duration=100)


KINDS: dict[str, tuple[str, Writer]] = {
    "png": ("x.png", lambda image, path: image.save(path)),
    "jpeg called png": ("x.png", lambda image, path: image.save(path, "JPEG", quality=95)),
    "cmyk": ("x.jpg", lambda image, path: image.convert("CMYK").save(path, quality=95)),
    "with alpha": ("x.webp", lambda image, path: image.convert("RGBA").save(path, quality=95)),
    "turned by exif": ("x.jpg", turned),
    "animated": ("x.webp", animated),
    "palette": ("x.gif", lambda image, path: image.quantize(256).save(path)),
}


@pytest.mark.parametrize(("name", "write"), KINDS.values(), ids=KINDS.keys())
def test_every_member_is_named_in_every_kind_of_file(
    name: str, write: Writer, row: Image.Image, labeller: PhotoLabeller, tmp_path: Path
) -> None:
    path = tmp_path / name
    write(row, path)
    before = path.read_bytes()
    made = labeller.label(path, tmp_path / "out")
    assert made.members == MEMBERS
    table = told(made.table)
    assert (table["width"], table["height"]) == row.size == Image.open(made.picture).size
    assert table["input_sha256"] == sha256_of(path)
    assert table["picture"] == made.picture.name == "x.jpg"
    assert table["model"].keys() >= {"model.json"}
    assert table["warnings"] == list(made.warnings)
    assert bool(made.warnings) == (write is animated)
    assert path.read_bytes() == before
    side = row.height
    for place, face in enumerate(table["faces"]):
        assert place * side < face["x0"] < face["x1"] < (place + 1) * side
        assert 0.5 <= face["confidence"] <= 1.0
        assert face["second"] != face["member"]
        assert {"y0", "y1", "score", "second_confidence", "likeness"} < face.keys()


def test_what_is_drawn_is_at_the_faces_and_nowhere_else(
    row: Image.Image, labeller: PhotoLabeller, tmp_path: Path
) -> None:
    row.save(tmp_path / "x.png")
    made = labeller.label(tmp_path / "x.png", tmp_path)
    changed = np.abs(np.asarray(Image.open(made.picture)).astype(int) - np.asarray(row)).max(axis=2) > 60
    for face in told(made.table)["faces"]:
        x0, y0, x1, y1 = (round(face[side]) for side in ("x0", "y0", "x1", "y1"))
        assert changed[y0 + 20 : y1 - 20, x0 - 3 : x0].any()
        assert not changed[y0 + 5 : y1 - 5, x0 + 5 : x1 - 5].any()
        changed[max(0, y0 - 24) : y1 + 4, x0 - 4 : max(x0 + 60, x1 + 4)] = False
    assert not changed.any()


@pytest.mark.parametrize(
    ("profile", "kept"), [(SRGB, True), (b"\0" * 16 + b"CMYK" + b"\0" * 200, False), (None, False)]
)
def test_a_profile_of_rgb_colours_is_kept(
    profile: bytes | None, kept: bool, row: Image.Image, labeller: PhotoLabeller, tmp_path: Path
) -> None:
    row.crop((0, 0, 300, 240)).save(tmp_path / "x.jpg", icc_profile=profile)
    picture = labeller.label(tmp_path / "x.jpg", tmp_path / "out").picture
    assert Image.open(picture).info.get("icc_profile") == (profile if kept else None)


def test_small_faces_on_a_huge_canvas(labeller: PhotoLabeller, tmp_path: Path) -> None:
    places = [(250, 260), (1290, 700), (1990, 1290), (2600, 300), (1000, 1280)]  # also where tiles meet
    Image.fromarray(scattered(PHOTOS, places, (2800, 1500), 44)).save(tmp_path / "x.png")
    made = labeller.label(tmp_path / "x.png", tmp_path)
    assert sorted(made.members) == list(MEMBERS)
    for face in told(made.table)["faces"]:
        x, y = places[MEMBERS.index(face["member"])]
        assert face["x0"] < x < face["x1"]
        assert face["y0"] < y < face["y1"]


WHO = {
    "one member's face twice": ([PHOTOS[0], "photos/juno/img_0003.jpg"], False, [1, 0]),
    "an outsider": ([*PHOTOS[:2], "outsiders/out_ren/img_0001.jpg"], False, [2, 0]),
    "everyone and an outsider": (["outsiders/out_ren/img_0001.jpg", *PHOTOS], True, [5, 0]),
    "too few faces for everyone": (PHOTOS[:3], True, [3, 1]),
    "no face": (None, False, [0, 0]),
    "no face of everyone": (None, True, [0, 1]),
}


@pytest.mark.parametrize(("photos", "everyone_once", "expected"), WHO.values(), ids=WHO.keys())
def test_who_is_named(
    photos: list[str] | None,
    everyone_once: bool,
    expected: list[int],
    project: Path,
    params: Params,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(project)
    rgb = side_by_side(photos) if photos else np.full((200, 300, 3), 90, np.uint8)
    Image.fromarray(rgb).save(tmp_path / "x.png")
    made = PhotoLabeller("lanterns", params, everyone_once).label(tmp_path / "x.png", tmp_path)
    named = [member for member in made.members if member != UNKNOWN]
    assert len(made.members) == len(photos or ())
    assert [len(set(named)), sum("fewer faces" in one for one in made.warnings)] == expected
    assert len(set(named)) == len(named)
    for photo, member in zip(photos or (), made.members, strict=True):
        assert member in (photo.split("/")[1], UNKNOWN)


@pytest.mark.parametrize(
    ("style", "unknowns", "differs"), [("box", "box", True), ("box", "hidden", False), ("blur", "hidden", True)]
)
def test_the_look_is_that_of_videos(
    style: str, unknowns: str, differs: bool, project: Path, params: Params, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.chdir(project)
    stranger = side_by_side(["outsiders/out_ren/img_0001.jpg"])
    Image.fromarray(stranger).save(tmp_path / "x.png")
    look = replace(params, render=replace(params.render, style=style, unknowns=unknowns))
    made = PhotoLabeller("lanterns", look).label(tmp_path / "x.png", tmp_path)
    assert made.members == (UNKNOWN,)
    drawn = np.asarray(Image.open(made.picture)).astype(int)
    assert bool((np.abs(drawn - stranger) > 40).any()) == differs


@pytest.mark.parametrize("content", [b"", b"no picture", b"\xff\xd8\xff\xe0 but nothing more"])
def test_a_broken_file_leaves_nothing(content: bytes, labeller: PhotoLabeller, tmp_path: Path) -> None:
    (tmp_path / "x.jpg").write_bytes(content)
    with pytest.raises(UnreadableImageError):
        labeller.label(tmp_path / "x.jpg", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_photos_of_one_name_at_once_have_results_of_their_own(
    row: Image.Image, labeller: PhotoLabeller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [tmp_path / folder / "x.png" for folder in "abc"]
    for place, path in enumerate(paths):
        path.parent.mkdir()
        row.crop((0, 0, 240 - place, 240)).save(path)
    monkeypatch.setattr(
        "pipeline.photo.label._save", lambda *given: (time.sleep(0.3), _save(*given))
    )  # all choose meanwhile
    with ThreadPoolExecutor(len(paths)) as pool:
        made = list(pool.map(lambda path: labeller.label(path, tmp_path / "out"), paths))
    assert len({one.picture for one in made}) == len(paths)
    for path, one in zip(paths, made, strict=True):
        assert told(one.table)["input_sha256"] == sha256_of(path)
        assert Image.open(one.picture).size == Image.open(path).size


def test_a_failure_while_writing_leaves_nothing(
    row: Image.Image, labeller: PhotoLabeller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row.save(tmp_path / "x.png")
    monkeypatch.setattr("pipeline.photo.label._save", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        labeller.label(tmp_path / "x.png", tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_group_that_cannot_be_named(lanterns: Path, params: Params) -> None:
    roster = roster_path(lanterns)
    roster.write_text(roster.read_text(encoding="utf-8").replace("juno", "june"), encoding="utf-8")
    with pytest.raises(DatasetError, match="juno"):
        PhotoLabeller("lanterns", params)
    with pytest.raises(ModelError, match="no model"):
        PhotoLabeller("nosuch", params)
