"""lineup photo: what it is given, what it prints and how it exits."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import SAMPLE, draw
from running import lineup

from flows.photos import expand, label_photos
from pipeline.errors import in_words
from pipeline.photo.label import LabelledPhoto

JUNO, MIRA = (SAMPLE / "photos" / member / "img_0002.jpg" for member in ("juno", "mira"))


@pytest.fixture
def photos(tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two photos of one name, a broken one and no photo; the project is the current folder."""
    for folder, source in (("a", JUNO), ("b", MIRA)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.jpg").write_bytes(source.read_bytes())
    (tmp_path / "b" / "broken.png").write_bytes(b"no picture")
    (tmp_path / "b" / "notes.txt").write_text("no photo")
    monkeypatch.chdir(project)
    return tmp_path


def test_one_that_fails_stops_no_other_and_one_name_is_two_results(
    photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = photos / "out"
    asked = ["photo", photos / "a", photos / "b", "nosuch.jpg", "--group", "lanterns", "--out", out]
    assert lineup(*asked, monkeypatch=monkeypatch) == 1
    nosuch, first, broken, second, summary = capsys.readouterr().out.splitlines()
    assert nosuch.startswith("1/4 nosuch.jpg: failed: no photo there")
    assert first.startswith(f"2/4 x.jpg: {out / 'x.jpg'}: juno (")
    assert "broken.png: failed: not an image: no known picture format" in broken
    assert second.startswith(f"4/4 x.jpg: {out}/x-")
    assert ": mira (" in second
    assert summary == "2 labelled, 2 failed"
    assert sorted(path.suffix for path in out.iterdir()) == [".jpg", ".jpg", ".json", ".json"]
    before = {path.name for path in out.iterdir()}
    assert lineup("photo", photos / "a", "-g", "lanterns", "--out", out, monkeypatch=monkeypatch) == 0
    assert {path.name for path in out.iterdir()} == before  # again
    found, _ = expand([str(photos)])
    assert {path.parent.name for path in found} == {"a", "b"}  # results are no photos to name


def test_json_tells_of_each_photo_its_members_and_files(
    photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["photo", photos / "a" / "x.jpg", photos / "b" / "broken.png", "-g", "lanterns", "--json"]
    assert lineup(*asked, "--out", photos / "out", "--everyone-once", monkeypatch=monkeypatch) == 1
    good, bad = json.loads(capsys.readouterr().out)
    assert good["picture"] == str(photos / "out" / "x.jpg")
    assert json.loads(Path(good["table"]).read_text(encoding="utf-8"))["everyone_once"] is True
    assert (good["members"], good["error"]) == (["juno"], "")
    assert good["warnings"] == ["fewer faces (1) than members: none for kaia, mira, soren, tavi"]
    assert (bad["picture"], bad["table"], bad["members"]) == (None, None, [])
    assert bad["error"].startswith("not an image: no known picture format; it begins with ")


def test_results_go_to_the_project_by_default(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path] = []
    made = LabelledPhoto(Path("x.jpg"), Path("x.json"), (), ())
    fake = SimpleNamespace(label=lambda path, out: asked.append(out.resolve()) or made)
    monkeypatch.setattr("pipeline.photo.label.PhotoLabeller", lambda *_: fake)
    assert lineup("photo", photos / "a", "-g", "lanterns", monkeypatch=monkeypatch) == 0
    assert asked == [Path.cwd() / "labelled" / "photos"]


def test_ctrl_c_is_status_130(
    photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pipeline.photo.label.PhotoLabeller.label", stopped)
    assert lineup("photo", photos / "a", "-g", "lanterns", monkeypatch=monkeypatch) == 130
    assert capsys.readouterr().err.strip() == "stopped; what is done is kept"


def test_only_pictures_of_a_folder_are_taken_each_once(tmp_path: Path) -> None:
    for name in ("a.JPG", "b.avif", "c.txt", "d", ".hidden.png", "deep/e.webp", ".git/f.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found, nothing = expand([str(tmp_path), str(tmp_path / "*.JPG"), str(tmp_path / "d"), ""])
    assert [path.name for path in found] == ["a.JPG", "b.avif", "e.webp", "d"]
    assert [(one.photo, one.error) for one in nothing] == [(Path(), "no photo there")]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), MemoryError()])
def test_what_the_machine_lacks_is_told(error: Exception, tmp_path: Path) -> None:
    def fails(*_: object) -> None:
        raise error

    draw(0).save(tmp_path / "x.png")
    (outcome,) = label_photos([tmp_path / "x.png"], SimpleNamespace(label=fails), tmp_path)
    assert outcome.picture is None
    assert outcome.error == in_words(error)
