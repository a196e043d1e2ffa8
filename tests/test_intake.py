"""Importing a folder per member: what lands in raw/, what is refused, and that doing it again is harmless."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pandas as pd
import pytest
from conftest import draw

from pipeline import intake
from pipeline.errors import DatasetError
from pipeline.files import sha256_of
from pipeline.intake import import_photos
from pipeline.manifest import read_manifest, read_not_kept
from pipeline.records import MANIFEST
from pipeline.roster import read_roster


def photo(path: Path, seed: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    draw(seed).save(path, "JPEG")
    return path


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two members; nested folders, odd names, a copy, hidden files, a page named .jpg."""
    folder = tmp_path / "photos"
    one = photo(folder / "mira" / "one.jpg", 1)
    photo(folder / "mira" / "2023" / "live" / "two ☂ 二.PNG", 2)
    shutil.copy(one, folder / "mira" / "2023" / "copy of one.jpg")
    photo(folder / "미라 🌙" / "three", 3)
    (folder / "미라 🌙" / "page.jpg").write_text("<!DOCTYPE html>")
    (folder / "mira" / ".DS_Store").write_text("hidden")
    photo(folder / "mira" / ".thumbnails" / "one.jpg", 4)
    (folder / ".git").mkdir()
    return folder


def stored(data: Path) -> dict[str, bytes]:
    raw = data / "raw"
    return {str(path.relative_to(raw)): path.read_bytes() for path in sorted(raw.rglob("*")) if path.is_file()}


def test_photos_become_raw_files_manifest_and_roster(tmp_path: Path, photos: Path) -> None:
    data = tmp_path / "data" / "lanterns"
    report = import_photos(photos, data)
    manifest = read_manifest(data / "raw")
    assert (report.members, report.added, report.present, report.duplicates) == (("mira", "미라 🌙"), 4, 0, 1)
    assert list(manifest.columns) == MANIFEST.names
    assert manifest["member"].tolist() == ["mira", "mira", "미라 🌙", "미라 🌙"]
    for row in manifest.itertuples():
        path = data / "raw" / row.path
        assert sha256_of(path) == row.key
        assert path.stat().st_size == row.bytes
        assert row.path.startswith(f"{row.member}/{row.key}.")
    assert sorted(manifest["content_type"]) == ["application/octet-stream", *["image/jpeg"] * 3]
    assert {Path(path).suffix for path in manifest["path"]} == {".jpg", ".bin"}
    assert set(manifest["source"]) == {"import"}
    assert len(stored(data)) == 6
    assert read_roster(data).keys == ("mira", "미라 🌙")
    copy = {"key": sha256_of(photos / "mira" / "one.jpg"), "stage": "import", "reason": "identical file"}
    (row,) = read_not_kept(data / "raw").to_dict("records")
    assert row == copy | {"detail": "mira/2023/copy of one.jpg is mira/one.jpg again"}


def test_importing_again_adds_only_what_is_new(tmp_path: Path, photos: Path) -> None:
    data = tmp_path / "lanterns"
    import_photos(photos, data)
    before, table = stored(data), read_manifest(data / "raw")
    roster = (data / "roster.yaml").read_bytes()
    again = import_photos(photos, data)
    assert (again.added, again.present, again.duplicates) == (0, 4, 1)
    assert stored(data) == before
    photo(photos / "mira" / "new.jpg", 9)
    photo(photos / "tavi" / "new.jpg", 10)
    assert import_photos(photos, data).added == 2
    grown = read_manifest(data / "raw")
    kept = grown[grown["key"].isin(table["key"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, table)  # fetched_at too
    assert (data / "roster.yaml").read_bytes().startswith(roster)
    assert read_roster(data).keys == ("mira", "미라 🌙", "tavi")


def test_one_file_under_two_members_stays_with_both(tmp_path: Path) -> None:
    shutil.copytree(photo(tmp_path / "photos" / "mira" / "a.jpg", 1).parent, tmp_path / "photos" / "tavi")
    assert import_photos(tmp_path / "photos", tmp_path / "g").added == 2
    manifest = read_manifest(tmp_path / "g" / "raw")
    assert manifest["key"].nunique() == 1
    assert manifest["member"].tolist() == ["mira", "tavi"]


@pytest.mark.parametrize("stopped", ["copyfile", "write_table"])
def test_an_import_that_was_killed_is_completed_by_the_next(
    tmp_path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch, stopped: str
) -> None:
    undisturbed, data = tmp_path / "whole" / "g", tmp_path / "killed" / "g"
    import_photos(photos, undisturbed)
    calls = []

    def dies(*arguments: object) -> None:
        calls.append(arguments)
        if len(calls) > 1 or stopped == "write_table":
            raise KeyboardInterrupt
        Path(str(arguments[1])).write_bytes(Path(str(arguments[0])).read_bytes())

    with monkeypatch.context() as patch:
        patch.setattr(intake.shutil if stopped == "copyfile" else intake, stopped, dies)
        with pytest.raises(KeyboardInterrupt):
            import_photos(photos, data)
    assert len(read_manifest(data / "raw")) == 0
    stems = {Path(name).stem for name in stored(data)} - {"dropped"}
    assert all(len(stem) == 64 for stem in stems)  # nothing half-written
    assert import_photos(photos, data).added == 4
    assert stored(data).keys() == stored(undisturbed).keys()


def test_a_raw_file_that_was_lost_comes_back(tmp_path: Path, photos: Path) -> None:
    data = tmp_path / "g"
    import_photos(photos, data)
    before = stored(data)
    (data / "raw" / read_manifest(data / "raw")["path"][0]).unlink()
    assert import_photos(photos, data).added == 0
    assert stored(data) == before


def test_links_and_strays_are_left_out_with_a_word(tmp_path: Path, photos: Path) -> None:
    outside = photo(tmp_path / "elsewhere" / "secret.jpg", 20)
    (photos / "mira" / "link.jpg").symlink_to(outside)
    (photos / "mira" / "folder").symlink_to(outside.parent)
    (photos / "tavi").symlink_to(outside.parent)
    (photos / "kaia").mkdir()
    photo(photos / "stray.jpg", 21)
    os.mkfifo(photos / "mira" / "pipe.jpg")
    report = import_photos(photos, tmp_path / "g")
    assert report.members == ("kaia", "mira", "미라 🌙")
    assert report.added == 4
    assert len(report.warnings) == 3
    assert any("kaia: no photos" in line for line in report.warnings)
    assert any("mira: 2 links" in line for line in report.warnings)
    assert any("2 things outside" in line for line in report.warnings)


def test_a_folder_of_pictures_only_is_explained(tmp_path: Path) -> None:
    photo(tmp_path / "photos" / "a.jpg", 1)
    with pytest.raises(DatasetError, match="no folders: put each member's photos into a folder"):
        import_photos(tmp_path / "photos", tmp_path / "g")
    assert not (tmp_path / "g").exists()


@pytest.mark.parametrize("make", [lambda path: None, Path.mkdir, Path.touch], ids=["missing", "empty", "a-file"])
def test_no_photos_at_all_is_explained(tmp_path: Path, make: object) -> None:
    make(tmp_path / "photos")  # type: ignore[operator]
    with pytest.raises(DatasetError, match=r"photos is (empty|not a folder)"):
        import_photos(tmp_path / "photos", tmp_path / "g")
    assert not (tmp_path / "g").exists()


@pytest.mark.parametrize("name", ["mira", "이미라", "a b.c", "👩‍🎤", "x" * 100, "齋藤", "O'Neil; rm -rf"])
def test_a_member_may_have_any_ordinary_name(tmp_path: Path, name: str) -> None:
    photo(tmp_path / "photos" / name / "a.jpg", 1)
    import_photos(tmp_path / "photos", tmp_path / "g")
    assert read_manifest(tmp_path / "g" / "raw")["member"].tolist() == [name]
    assert read_roster(tmp_path / "g").keys == (name,)


def test_a_place_that_cannot_be_written_is_no_fault_of_the_photo(
    tmp_path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(source: Path, target: Path) -> None:
        raise PermissionError(13, "Permission denied", str(target))

    monkeypatch.setattr(shutil, "copyfile", refused)
    with pytest.raises(PermissionError) as error:
        import_photos(photos, tmp_path / "g")
    assert str(error.value.filename).startswith(str(tmp_path / "g" / "raw"))


def test_folders_without_a_file_make_no_group(tmp_path: Path) -> None:
    (tmp_path / "photos" / "mira" / "concert").mkdir(parents=True)
    with pytest.raises(DatasetError, match="no file is in its members' folders"):
        import_photos(tmp_path / "photos", tmp_path / "g")
    assert not (tmp_path / "g").exists()


def test_folders_that_are_one_elsewhere_stop_the_import_before_it_writes(tmp_path: Path, photos: Path) -> None:
    (photos / "MIRA").mkdir()
    with pytest.raises(DatasetError, match="put them into one"):
        import_photos(photos, tmp_path / "g")
    assert not (tmp_path / "g").exists()


@pytest.mark.parametrize("name", ["unknown", "a\nb", "a\\b"])
def test_a_bad_member_folder_stops_the_import_before_it_writes(tmp_path: Path, photos: Path, name: str) -> None:
    (photos / name).mkdir()
    with pytest.raises(DatasetError, match="rename the folder"):
        import_photos(photos, tmp_path / "g")
    assert not (tmp_path / "g").exists()
