"""Unknown faces, grouped by person; thumbnails of the others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from excerpts import excerpt
from made import ROSTER, analysed, exported, face, faces_of, table, tracks_of
from PIL import Image

from pipeline.images import encode_jpeg
from pipeline.records import UNKNOWN
from pipeline.video.exports.thumbnails import thumbnail_of, write_thumbnails
from pipeline.video.exports.unknowns import MAX_GROUPS, write_unknowns
from pipeline.video.probe import probe

ANNA = (1.0, 0.0, 0.0)
FRAMES = table([n / 10 for n in range(600)])


def drawn(path: Path, lengths: dict[int, int], people: dict[int, int]) -> Image.Image:
    rows, frame = [], 0
    for track, length in lengths.items():
        rows += [face(FRAMES, frame + n, UNKNOWN, track) for n in range(length)]
        frame += length
    faces = faces_of(rows)
    write_unknowns(path, faces, tracks_of(faces, people), analysed(FRAMES, dict.fromkeys(lengths, ANNA)))
    with Image.open(path) as picture:
        return picture.convert("L")


def test_the_one_seen_longest_comes_first_with_all_its_tracks(tmp_path: Path) -> None:
    picture = drawn(tmp_path / "unknowns.png", {0: 30, 1: 20, 2: 40}, people={2: 1})
    tiles = [picture.getpixel((x, 80)) for x in (60, 180, 316)]
    assert tiles == [pytest.approx(40 + 20 * track, abs=3) for track in (2, 1, 0)]


@pytest.mark.parametrize(("people", "rows", "note_px"), [(7, 1, 0), (8, 2, 0), (MAX_GROUPS, 6, 0), (60, 6, 28)])
def test_no_more_than_fit_and_a_note_of_the_rest(people: int, rows: int, note_px: int, tmp_path: Path) -> None:
    crowd = dict.fromkeys(range(people), ANNA)
    together = faces_of([face(FRAMES, 0, UNKNOWN, track) for track in crowd])
    write_unknowns(tmp_path / "unknowns.png", together, tracks_of(together), analysed(FRAMES, crowd))
    with Image.open(tmp_path / "unknowns.png") as picture:
        assert picture.size == (1000, 8 + rows * 176 + note_px)


@pytest.mark.parametrize("unknown", [[], [(5, 0)]], ids=["nobody is unknown", "an unknown face without a sample"])
def test_nothing_to_show(unknown: list, tmp_path: Path) -> None:
    rows = [face(FRAMES, frame, UNKNOWN, track) for frame, track in unknown]
    faces = faces_of(rows)
    write_unknowns(tmp_path / "unknowns.png", faces, tracks_of(faces), analysed(FRAMES))
    with Image.open(tmp_path / "unknowns.png") as picture:
        assert np.asarray(picture.convert("L")).min() < 120  # it says so


def test_a_thumbnail_is_the_best_face_that_surely_is_the_members(tmp_path: Path) -> None:
    confidences = {0: 0.6, 1: 0.99, 2: 0.99}
    rows = [face(FRAMES, track, "sk", track, confidence=sure) for track, sure in confidences.items()]
    samples = analysed(FRAMES, dict.fromkeys(confidences, ANNA)).samples
    samples["quality"] = np.array([0.7, 0.5, 0.6], np.float32)
    write_thumbnails(tmp_path, faces_of(rows), samples, ROSTER)
    assert [thumbnail_of(tmp_path, number) for number in (1, 2, 3)] == ["", "thumbnails/2.jpg", ""]
    assert (tmp_path / "thumbnails" / "2.jpg").read_bytes() == encode_jpeg(np.full((112, 112, 3), 80, np.uint8))


def test_a_name_never_becomes_a_path(tmp_path: Path) -> None:
    members = [("../../up", "../up"), ("/etc", "<b>"), ("..", "..")]
    roster = type(ROSTER)("g", tuple(type(ROSTER.members[0])(key, name, "#123456") for key, name in members))
    rows = [face(FRAMES, number, key, number) for number, (key, _) in enumerate(members)]
    folder = exported(tmp_path / "out", faces_of(rows), FRAMES, probe(excerpt("one-frame.mp4")), roster)
    assert sorted(path.name for path in (folder / "thumbnails").iterdir()) == ["1.jpg", "2.jpg", "3.jpg"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
