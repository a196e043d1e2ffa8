"""Stage clean: what is kept, what is dropped and why, and that repeated, interrupted and growing runs agree."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import draw, png_header
from PIL import Image

from pipeline import clean, incremental, seen
from pipeline.errors import DatasetError
from pipeline.files import sha256_of
from pipeline.incremental import FINGERPRINT
from pipeline.intake import import_photos, read_manifest
from pipeline.manifest import LOCK_FILE
from pipeline.params import Clean, Params
from pipeline.records import CLEAN, DROPPED, MANIFEST
from pipeline.tables import read_metadata, read_table, write_table

Outcome = tuple[pd.DataFrame, pd.DataFrame]


def save(path: Path, image: Image.Image, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **options)
    return path


@pytest.fixture(scope="module")
def dirty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A member with every kind of dirt, one with a single photo, one with nothing usable."""
    folder = tmp_path_factory.mktemp("dirty")
    mira = folder / "mira"
    good = save(mira / "good.jpg", draw(1, 640, 480), quality=95)
    save(mira / "small copy.jpg", draw(1, 320, 240))
    save(mira / "same pixels.bmp", Image.open(good))
    save(mira / "other.png", draw(2))
    save(mira / "large.webp", draw(3, 2400, 1200), quality=80)
    save(mira / "tiny.png", draw(4, 79, 300))
    save(mira / "dance.gif", draw(5), save_all=True, append_images=[draw(6), draw(7)])
    (mira / "cut.jpg").write_bytes(good.read_bytes()[:4000])
    (mira / "page.jpg").write_text("<html>")
    (mira / "bomb.png").write_bytes(png_header(60_000, 60_000))
    (mira / "empty.jpg").touch()
    (mira / "twice").mkdir()
    (mira / "twice" / "large.webp").write_bytes((mira / "large.webp").read_bytes())
    save(mira / "group.jpg", draw(8))
    save(folder / "tavi" / "group too.jpg", draw(8, 300, 225))
    save(folder / "tavi" / "alone.jpg", draw(9))
    (folder / "juno").mkdir()
    (folder / "juno" / "notes.txt").write_text("no photo here")
    return folder


@pytest.fixture
def photos(tmp_path: Path, dirty: Path) -> Path:
    return Path(shutil.copytree(dirty, tmp_path / "photos"))


@pytest.fixture
def data(tmp_path: Path, photos: Path) -> Path:
    import_photos(photos, tmp_path / "lanterns")
    return tmp_path / "lanterns"


def run(data: Path, params: Params) -> Outcome:
    clean.main(data, params)
    return read_table(data / "clean.parquet", CLEAN), read_table(data / "dropped" / "clean.parquet", DROPPED)


def contents(data: Path) -> dict[str, bytes]:
    paths = [path for path in sorted(data.rglob("*")) if path.is_file() and path.name != LOCK_FILE]
    return {str(path.relative_to(data)): path.read_bytes() for path in paths}


def key_of(photos: Path, name: str) -> str:
    return sha256_of(photos / name)


def test_everything_that_came_in_is_kept_or_dropped_with_a_reason(data: Path, photos: Path, params: Params) -> None:
    kept, dropped = run(data, params)
    manifest = read_manifest(data / "raw")
    assert Counter(dropped["reason"]) == {
        "near-duplicate": 1, "duplicate": 1, "too small": 1, "truncated": 1, "not an image": 2, "too many pixels": 1,
        "empty file": 1, "conflict": 2, "identical file": 1,
    }  # fmt: skip
    assert len(kept) == 7  # good, other, large, three frames, alone
    for key in manifest["key"]:
        assert (kept["raw_key"] == key).any() or dropped["key"].str.startswith(key).any()
    files = [path for path in photos.rglob("*") if path.is_file()]
    assert len(kept) + len(dropped) == len(files) + 2  # the animation is three pictures
    assert set(dropped["stage"]) == {"clean", "import"}
    reasons = dict(zip(dropped["key"], dropped["reason"], strict=True))
    assert reasons[key_of(photos, "mira/cut.jpg")] == "truncated"
    assert reasons[key_of(photos, "mira/bomb.png")] == "too many pixels"
    assert reasons[key_of(photos, "mira/tiny.png")] == "too small"


def test_kept_pictures_are_upright_rgb_jpegs_of_bounded_size(data: Path, params: Params) -> None:
    kept, _ = run(data, params)
    names = {path.name for path in (data / "clean").iterdir()}
    assert names == {*kept["path"], "seen.parquet"}
    for row in kept.itertuples():
        with Image.open(data / "clean" / row.path) as image:
            assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (row.width, row.height))
        assert max(row.width, row.height) <= params.clean.max_side_px
        assert row.path == f"{row.key}.jpg"
    assert (kept["width"].max(), kept["height"].max()) == (1600, 800)
    assert set(kept["format"]) == {"JPEG", "PNG", "BMP", "WEBP", "GIF"}


def test_frames_of_an_animation_are_named_by_frame_and_share_a_group(data: Path, photos: Path, params: Params) -> None:
    kept, _ = run(data, params)
    key = key_of(photos, "mira/dance.gif")
    frames = kept[kept["raw_key"] == key]
    assert frames["key"].tolist() == [f"{key}.0", f"{key}.1", f"{key}.2"]
    assert frames["frame"].tolist() == [0, 1, 2]
    assert set(frames["duplicate_group"]) == {key}


def test_the_best_copy_is_kept_and_the_others_name_it(data: Path, photos: Path, params: Params) -> None:
    kept, dropped = run(data, params)
    best = key_of(photos, "mira/same pixels.bmp")  # as large as the JPEG, and less compressed
    details = dropped.set_index("key")["detail"]
    assert best in set(kept["key"])
    assert details[key_of(photos, "mira/good.jpg")] == f"kept {best}"
    assert details[key_of(photos, "mira/small copy.jpg")] == f"kept {best}"


def test_one_photo_under_two_members_trains_neither(data: Path, photos: Path, params: Params) -> None:
    _, dropped = run(data, params)
    conflict = dropped[dropped["reason"] == "conflict"]
    assert set(conflict["key"]) == {key_of(photos, "mira/group.jpg"), key_of(photos, "tavi/group too.jpg")}
    assert set(conflict["detail"]) == {"the same photo under mira, tavi"}


def test_one_file_under_two_members_is_dropped_for_both(tmp_path: Path, params: Params) -> None:
    save(tmp_path / "photos" / "mira" / "a.jpg", draw(1))
    shutil.copytree(tmp_path / "photos" / "mira", tmp_path / "photos" / "tavi")
    import_photos(tmp_path / "photos", tmp_path / "g")
    kept, dropped = run(tmp_path / "g", params)
    assert kept.empty
    assert dropped["reason"].tolist() == ["conflict", "conflict"]


@pytest.mark.parametrize(("wrong", "right"), [("mira", "tavi"), ("tavi", "mira")])
def test_a_conflict_ends_when_the_photo_is_deleted_under_the_wrong_member(
    tmp_path: Path, params: Params, wrong: str, right: str
) -> None:
    for member in ("mira", "tavi"):
        save(tmp_path / "photos" / member / "both.png", draw(1))
    import_photos(tmp_path / "photos", tmp_path / "lanterns")
    assert run(tmp_path / "lanterns", params)[1]["reason"].tolist() == ["conflict"] * 2
    [photo] = (tmp_path / "lanterns" / "raw" / wrong).iterdir()
    photo.unlink()
    kept, dropped = run(tmp_path / "lanterns", params)
    assert kept["member"].tolist() == [right]
    assert dropped[["reason", "detail"]].to_numpy().tolist() == [["missing file", f"{wrong}/{photo.name}"]]


def test_dropped_pictures_can_be_looked_at(data: Path, params: Params) -> None:
    _, dropped = run(data, params)
    sheets = {path.stem for path in (data / "sheets" / "clean").iterdir()}
    assert sheets == {reason.replace(" ", "-") for reason in dropped["reason"]}


@pytest.mark.parametrize(
    ("files", "reasons"),
    [({"a.jpg": b""}, ["empty file"]), ({"a.jpg": b"<html>", "b": b"x"}, ["not an image"] * 2)],
    ids=["an-empty-file", "no-pictures"],
)
def test_nothing_usable_gives_empty_tables(
    tmp_path: Path, params: Params, files: dict[str, bytes], reasons: list[str]
) -> None:
    (tmp_path / "photos" / "mira").mkdir(parents=True)
    for name, content in files.items():
        (tmp_path / "photos" / "mira" / name).write_bytes(content)
    import_photos(tmp_path / "photos", tmp_path / "g")
    kept, dropped = run(tmp_path / "g", params)
    assert kept.empty
    assert dropped["reason"].tolist() == reasons
    assert read_table(tmp_path / "g" / "clean.parquet", CLEAN).columns.tolist() == CLEAN.names


def test_a_group_without_raw_photos_gives_empty_tables(tmp_path: Path, params: Params) -> None:
    (tmp_path / "g" / "raw").mkdir(parents=True)
    kept, dropped = run(tmp_path / "g", params)
    assert kept.empty
    assert dropped.empty


def test_one_photo_is_kept(tmp_path: Path, params: Params) -> None:
    save(tmp_path / "photos" / "mira" / "a.jpg", draw(1))
    import_photos(tmp_path / "photos", tmp_path / "g")
    kept, dropped = run(tmp_path / "g", params)
    assert kept["duplicate_group"].tolist() == kept["key"].tolist()
    assert len(kept) == 1
    assert dropped.empty


def test_a_file_that_is_gone_is_missing(data: Path, params: Params) -> None:
    rows = read_manifest(data / "raw")
    (data / "raw" / rows["path"][0]).unlink()
    kept, dropped = run(data, params)
    assert dropped["key"][dropped["reason"] == "missing file"].tolist() == [rows["key"][0]]
    assert rows["key"][0] not in set(kept["raw_key"])


@pytest.mark.parametrize("path", ["../../outside.jpg", "mira/../../outside.jpg", "/outside.jpg"])
def test_a_manifest_that_leads_out_of_its_folder_is_refused(data: Path, params: Params, path: str) -> None:
    rows = read_manifest(data / "raw")
    rows.loc[1, "path"] = path
    write_table(data / "raw" / "manifest.parquet", rows, MANIFEST)
    with pytest.raises(DatasetError, match=r"manifest\.parquet: '.*outside\.jpg' leads out of the folder: 'dvc"):
        clean.main(data, params)


def test_a_second_run_decodes_nothing_and_changes_nothing(
    data: Path, params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(data, params)
    before = contents(data)
    monkeypatch.setattr(seen, "look_at", lambda *_: pytest.fail("decoded again"))
    run(data, params)
    assert contents(data) == before


def test_a_new_photo_costs_one_decode_and_gives_what_a_fresh_run_gives(
    data: Path, photos: Path, params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(data, params)
    save(photos / "tavi" / "new.png", draw(40))
    import_photos(photos, data)
    fresh = data.with_name("fresh") / "lanterns"
    shutil.copytree(data / "raw", fresh / "raw")
    shutil.copy(data / "roster.yaml", fresh)
    shutil.copy(data / "review.csv", fresh)
    run(fresh, params)
    decoded: list[Path] = []
    read_frames = seen.read_frames
    monkeypatch.setattr(seen, "read_frames", lambda path, limits: decoded.append(path) or read_frames(path, limits))
    run(data, params)
    assert [path.stem for path in decoded] == [key_of(photos, "tavi/new.png")]
    assert contents(data) == contents(fresh)


def test_a_better_copy_takes_over_in_the_same_group_and_gives_way_again(
    data: Path, photos: Path, params: Params
) -> None:
    kept, _ = run(data, params)
    before, first = contents(data), key_of(photos, "mira/other.png")
    group = kept.set_index("key")["duplicate_group"][first]
    manifest = read_manifest(data / "raw")
    better = save(photos / "mira" / "other, larger.png", draw(2, 960, 720))
    import_photos(photos, data)
    kept, dropped = run(data, params)
    assert kept.set_index("key")["duplicate_group"][sha256_of(better)] == group
    assert dropped.set_index("key")["detail"][first] == f"kept {sha256_of(better)}"
    assert not (data / "clean" / f"{first}.jpg").exists()
    write_table(data / "raw" / "manifest.parquet", manifest, MANIFEST)  # the better copy is taken away
    run(data, params)
    after = contents(data)
    assert {name for name in after if name.startswith("clean/")} == {
        name for name in before if name.startswith("clean/")
    }
    assert after["clean.parquet"] == before["clean.parquet"]


@pytest.mark.parametrize("stopped_after", [0, 1, 5])
def test_a_run_that_was_killed_is_completed_by_the_next(
    data: Path, params: Params, monkeypatch: pytest.MonkeyPatch, stopped_after: int
) -> None:
    undisturbed = data.with_name("whole") / "lanterns"
    shutil.copytree(data, undisturbed)
    run(undisturbed, params)
    written: list[dict[str, bytes]] = []
    write_files = seen.write_files

    def dies(folder: Path, jpegs: dict[str, bytes]) -> None:
        if len(written) == stopped_after:
            raise KeyboardInterrupt
        written.append(jpegs)
        write_files(folder, jpegs)

    with monkeypatch.context() as patch:
        patch.setattr(incremental, "SAVE_EVERY_S", 0)
        patch.setattr(seen, "write_files", dies)
        with pytest.raises(KeyboardInterrupt):
            clean.main(data, params)
    assert not (data / "clean.parquet").exists()
    run(data, params)
    assert contents(data) == contents(undisturbed)


def test_lost_and_foreign_files_in_the_output_are_put_right(data: Path, params: Params) -> None:
    kept, _ = run(data, params)
    before = contents(data)
    (data / "clean" / kept["path"][0]).unlink()
    (data / "clean" / "left over.jpg").touch()
    (data / "clean" / "@eaDir").mkdir()  # of a network drive
    run(data, params)
    assert contents(data) == before
    assert (data / "clean" / "@eaDir").is_dir()


def test_other_params_start_over(data: Path, params: Params) -> None:
    run(data, params)
    smaller = replace(params, clean=replace(params.clean, max_side_px=200, min_side_px=60, frames_per_animation=1))
    kept, dropped = run(data, smaller)
    assert kept["width"].max() == 200
    assert "too small" not in set(dropped["reason"])
    assert kept["key"].str.contains(".", regex=False).sum() == 1


def pictures(keys: list[str], fetched_at: list[str], hashes: list[int]) -> pd.DataFrame:
    """Rows as they come from decoding, later ones larger; all thumbnails alike."""
    count = len(keys)
    return pd.DataFrame(
        {
            "raw_key": [key[0] for key in keys],
            "key": keys,
            "member": "mira",
            "fetched_at": fetched_at,
            "format": "JPEG",
            "reason": "",
            "detail": "",
            "pixels_sha256": keys,
            "source_pixels": range(count),
            "bytes": 1,
            "phash": np.array(hashes, np.uint64),
            "thumbnail": [bytes(16 * 16 * 3)] * count,
        }
    )


def test_a_gif_is_kept_only_when_it_is_larger() -> None:
    rows = pictures(["a", "b"], ["2", "1"], [0, 0]).assign(format=["JPEG", "GIF"], bytes=[1, 9])
    for pixels, kept in (([5, 5], "a"), ([5, 6], "b")):
        judged = clean.judge(rows.assign(source_pixels=pixels), 7).set_index("key")
        assert judged.index[judged["reason"] == ""].tolist() == [kept]


def test_copies_are_grouped_under_the_earliest_even_through_a_chain() -> None:
    chain = pictures(["c", "a", "b"], ["2024-01-01", "2024-01-02", "2024-01-03"], [0, 0b1111111, 0b1111111_1111111])
    judged = clean.judge(chain, 7).set_index("key")
    assert judged["duplicate_group"].to_dict() == {"a": "c", "b": "c", "c": "c"}
    assert judged["reason"].to_dict() == {"a": "near-duplicate", "b": "", "c": ""}


def test_all_frames_follow_the_one_that_copies_an_earlier_photo() -> None:
    frames = pictures(["a.0", "a.1", "b"], ["2024-01-02", "2024-01-02", "2024-01-01"], [0, 2**40 - 1, 1])
    judged = clean.judge(frames, 7).set_index("key")
    assert judged["duplicate_group"].to_dict() == {"a.0": "b", "a.1": "b", "b": "b"}


@pytest.mark.parametrize(
    ("change", "same"),
    [
        (lambda clean: replace(clean, max_side_px=1599), False),
        (lambda clean: replace(clean, duplicate_distance=0, min_side_px=10), True),
    ],
    ids=["another size", "another choice"],
)
def test_the_table_tells_when_a_key_may_have_other_pixels(
    data: Path, params: Params, change: Callable[[Clean], Clean], same: bool
) -> None:
    run(data, params)
    before = read_metadata(data / "clean.parquet")[FINGERPRINT]
    run(data, replace(params, clean=change(params.clean)))
    assert (read_metadata(data / "clean.parquet")[FINGERPRINT] == before) == same


def test_another_revision_of_the_decoder_is_told(data: Path, params: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    run(data, params)
    before = read_metadata(data / "clean.parquet")[FINGERPRINT]
    monkeypatch.setattr(seen, "REVISION", seen.REVISION + 1)
    run(data, params)
    assert read_metadata(data / "clean.parquet")[FINGERPRINT] != before
