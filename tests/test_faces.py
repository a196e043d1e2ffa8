"""Stage faces: which pictures give a face and why others do not; that repeated, changed and broken runs agree."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import SAMPLE
from standins import PaintDetector, painted, stands_in

from pipeline import faces, incremental
from pipeline.errors import DatasetError
from pipeline.gates import gate, prominent_faces
from pipeline.images import read_still, save_jpeg
from pipeline.incremental import FINGERPRINT
from pipeline.models.geometry import iou_matrix
from pipeline.models.quality import Quality
from pipeline.models.retinaface import RetinaFace
from pipeline.params import Params
from pipeline.records import BOX, CLEAN, DROPPED, FACES, UNLABELLED, Detections, Rgb
from pipeline.tables import read_table, write_table

GOOD = painted((100, 60, 180, 160))
PICTURES = {
    "good": GOOD,
    "small": painted((100, 60, 120, 85)),
    "two": painted((20, 60, 100, 160), (180, 60, 260, 160)),
    "nobody": painted(),
    "flat": painted((100, 60, 180, 160), noise=0),
    "large": painted((10, 10, 150, 200)),
}
TABLES = ("faces.parquet", "unlabelled.parquet", "dropped/faces.parquet")
REASONS = {
    "small": "face too small",
    "two": "several faces",
    "nobody": "no face",
    "flat": "blurred",
    "broken": "not an image",
    "absent": "missing file",
}


@pytest.fixture
def painter(monkeypatch: pytest.MonkeyPatch) -> PaintDetector:
    """The detector that the stage uses."""
    return stands_in(monkeypatch, "pipeline.faces.RetinaFace", PaintDetector())


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A group after stage clean: PICTURES, one that is no picture, and one whose file is gone."""
    data = tmp_path / "lanterns"
    for key, rgb in PICTURES.items():
        save_jpeg(data / "clean" / f"{key}.jpg", rgb)
    (data / "clean" / "broken.jpg").write_bytes(b"no picture at all")
    write_clean(data, dict.fromkeys((*PICTURES, "broken", "absent"), "mira"))
    return data


def write_clean(
    data: Path, members: dict[str, str], duplicate_groups: dict[str, str] | None = None, made_by: str = "this decoder"
) -> None:
    rows = [
        {
            "key": key,
            "member": member,
            "raw_key": key,
            "frame": 0,
            "path": f"{key}.jpg",
            "format": "JPEG",
            "width": 320,
            "height": 240,
            "phash": 0,
            "duplicate_group": (duplicate_groups or {}).get(key, key),
        }
        for key, member in sorted(members.items())
    ]
    write_table(data / "clean.parquet", rows, CLEAN, {FINGERPRINT: made_by})


def run(data: Path, params: Params) -> tuple[pd.DataFrame, dict[str, str]]:
    """The rows of faces.parquet by key, and the reason of every dropped key."""
    faces.main(data, params)
    dropped = read_table(data / "dropped" / "faces.parquet", DROPPED)
    assert set(dropped["stage"]) <= {"faces"}
    rows = read_table(data / "faces.parquet", FACES).set_index("key")
    aside = read_table(data / "unlabelled.parquet", UNLABELLED)
    crops = {path.name for path in (data / "faces").iterdir()}
    assert crops == {*rows["path"], *aside["path"]}
    return rows, dict(zip(dropped["key"], dropped["reason"], strict=True))


def contents(data: Path) -> dict[str, bytes]:
    paths = [data / name for name in TABLES] + [*(data / "faces").iterdir()]
    return {path.name + path.parent.name: path.read_bytes() for path in paths}


# The gates


PASSES = Quality(face_px=60, sharpness=100, light=120, yaw_deg=10, pitch_deg=-5, roll_deg=3, occlusion=5, overall=0.8)


@pytest.mark.parametrize(
    ("values", "reason", "detail"),
    [
        ({}, None, ""),
        ({"face_px": 32}, None, ""),
        ({"face_px": 31.9}, "face too small", "32 px, needs 32"),
        ({"sharpness": 25}, None, ""),
        ({"sharpness": 24}, "blurred", "sharpness 24, needs 25"),
        ({"light": 25}, None, ""),
        ({"light": 24}, "bad light", "mean grey level 24"),
        ({"light": 241}, "bad light", "mean grey level 241"),
        ({"yaw_deg": -60}, None, ""),
        ({"yaw_deg": -61}, "turned away", "yaw -61 degrees"),
        ({"yaw_deg": 61}, "turned away", "yaw 61 degrees"),
        ({"pitch_deg": 46}, "turned away", "pitch 46 degrees"),
        ({"pitch_deg": -46}, "turned away", "pitch -46 degrees"),
        ({"roll_deg": 46}, "turned away", "roll 46 degrees"),
        ({"occlusion": 30}, None, ""),
        ({"occlusion": 31}, "covered", "occlusion 31, at most 30"),
        ({"face_px": 10, "sharpness": 1, "light": 0, "yaw_deg": 90}, "face too small", "10 px, needs 32"),
    ],
    ids=lambda value: str(value),
)
def test_every_gate_has_its_reason(params: Params, values: dict[str, float], reason: str | None, detail: str) -> None:
    expected = None if reason is None else (reason, detail)
    assert gate(replace(PASSES, **values), params.faces) == expected


@pytest.mark.parametrize(
    ("boxes", "prominent"),
    [
        ([], []),
        ([(100, 60, 180, 160)], [100]),
        ([(100, 60, 180, 160), (10, 10, 60, 72)], [100]),  # the other has 0.39 of its area
        ([(100, 60, 180, 160), (10, 10, 60, 76)], [10, 100]),  # 0.41
        ([(180, 60, 260, 161), (20, 60, 100, 160)], [20, 180]),
    ],
    ids=["nobody", "one", "one and a smaller", "one and one not much smaller", "two alike"],
)
def test_prominent_faces_come_from_left_to_right(
    params: Params, boxes: list[tuple[int, ...]], prominent: list[int]
) -> None:
    crops = prominent_faces(painted(*boxes), PaintDetector(), params.faces)
    assert [crop.box_xyxy[0] for crop in crops] == prominent
    assert all(crop.rgb.shape == (112, 112, 3) for crop in crops)


def test_a_score_below_the_gate_is_no_face(params: Params) -> None:
    assert prominent_faces(GOOD, PaintDetector(), replace(params.faces, min_score=0.96)) == []


@pytest.mark.parametrize(
    ("photo", "gates", "outcomes"),
    [
        ("mira/img_0002.jpg", {}, ["a face"]),
        ("juno/img_0021.jpg", {}, ["a face", "a face"]),
        ("kaia/img_0023.jpg", {}, []),
        ("mira/img_0003.jpg", {"max_yaw_deg": 10}, ["turned away"]),
        ("mira/img_0002.jpg", {"min_face_px": 300}, ["face too small"]),
        ("mira/img_0002.jpg", {"min_sharpness": 100000}, ["blurred"]),
        ("mira/img_0002.jpg", {"min_light": 254}, ["bad light"]),
    ],
)
def test_real_photos_pass_or_fail_for_what_is_in_them(
    detector: RetinaFace, params: Params, photo: str, gates: dict[str, float], outcomes: list[str]
) -> None:
    limits = replace(params.faces, **gates)
    crops = prominent_faces(read_still(SAMPLE / "photos" / photo), detector, limits)
    assert [(gate(crop.quality, limits) or ["a face"])[0] for crop in crops] == outcomes


# The stage


def test_every_picture_is_a_face_or_has_a_reason(data: Path, params: Params, painter: PaintDetector) -> None:
    rows, reasons = run(data, params)
    assert set(rows.index) == {"good", "large"}
    assert reasons == REASONS
    good = rows.loc["good"]
    assert good[BOX].tolist() == pytest.approx([100, 60, 180, 160], abs=1)
    assert (good["member"], good["duplicate_group"]) == ("mira", "good")
    assert len(good["landmarks_xy"]) == 10
    crop = read_still(data / "faces" / "good.png")
    assert crop.shape == (112, 112, 3)
    assert crop[20:90, 30:80].reshape(-1, 3).mean(axis=0) == pytest.approx([205, 0, 205], abs=10)  # red first
    sheets = {path.stem for path in (data / "sheets" / "faces").iterdir()}
    assert sheets == {reason.replace(" ", "-") for reason in REASONS.values()}


def aside(data: Path) -> pd.DataFrame:
    return read_table(data / "unlabelled.parquet", UNLABELLED).set_index("key")


def test_good_faces_of_a_picture_with_several_are_kept_aside(
    data: Path, params: Params, painter: PaintDetector
) -> None:
    three = painted((220, 60, 300, 160), (20, 60, 100, 160), (120, 60, 200, 160))
    three[60:160, 120:200] = (205, 0, 205)  # the middle one has no texture
    save_jpeg(data / "clean" / "two.jpg", three)
    _, reasons = run(data, params)
    assert reasons["two"] == "several faces"
    rows = aside(data)
    assert rows["x0"].round(-1).to_dict() == {"two@1": 20, "two@3": 220}
    assert set(rows["member"]) == {"mira"}
    assert set(rows["path"]) == {"two@1.png", "two@3.png"}
    details = read_table(data / "dropped" / "faces.parquet", DROPPED).set_index("key")["detail"]
    assert details["two"] == "3 faces, 2 kept aside"


def test_faces_kept_aside_follow_their_picture(data: Path, params: Params, painter: PaintDetector) -> None:
    run(data, params)
    write_clean(data, {"two": "수아", "good": "mira"}, {"two": "another photo"})
    run(data, params)
    assert aside(data)[["member", "duplicate_group"]].drop_duplicates().to_numpy().tolist() == [
        ["수아", "another photo"]
    ]
    before = contents(data)
    (data / "faces" / "two@2.png").unlink()
    run(data, params)
    assert contents(data) == before
    write_clean(data, {"good": "mira"})
    run(data, params)
    assert len(aside(data)) == 0


def test_doing_it_again_looks_at_nothing_and_changes_nothing(
    data: Path, params: Params, painter: PaintDetector
) -> None:
    run(data, params)
    before = contents(data)
    times = {path.name: path.stat().st_mtime_ns for path in (data / "faces").iterdir()}
    painter.looks = 0
    run(data, params)
    assert painter.looks == 0
    assert contents(data) == before
    assert {path.name: path.stat().st_mtime_ns for path in (data / "faces").iterdir()} == times


def test_only_a_new_picture_is_looked_at(data: Path, params: Params, painter: PaintDetector) -> None:
    run(data, params)
    times = {path.name: path.stat().st_mtime_ns for path in (data / "faces").iterdir()}
    save_jpeg(data / "clean" / "new.jpg", painted((50, 50, 150, 170)))
    write_clean(data, dict.fromkeys((*PICTURES, "broken", "absent", "new"), "mira"))
    painter.looks = 0
    rows, reasons = run(data, params)
    assert set(rows.index) == {"good", "large", "new"}
    assert reasons == REASONS
    assert painter.looks == 2  # the second look
    assert {name: (data / "faces" / name).stat().st_mtime_ns for name in times} == times


def test_other_gates_look_at_everything_again(data: Path, params: Params, painter: PaintDetector) -> None:
    run(data, params)
    painter.looks = 0
    rows, reasons = run(data, replace(params, faces=replace(params.faces, min_face_px=90)))
    assert painter.looks >= len(PICTURES)
    assert set(rows.index) == {"large"}
    assert reasons["good"] == "face too small"


def test_new_pixels_under_an_old_key_are_looked_at_again(data: Path, params: Params, painter: PaintDetector) -> None:
    members = dict.fromkeys((*PICTURES, "broken", "absent"), "mira")
    run(data, params)
    save_jpeg(data / "clean" / "good.jpg", painted())
    write_clean(data, members, made_by="another decoder")
    painter.looks = 0
    rows, reasons = run(data, params)
    assert painter.looks >= len(PICTURES)
    assert set(rows.index) == {"large"}
    assert reasons["good"] == "no face"


def test_another_network_looks_at_everything_again(
    data: Path, params: Params, painter: PaintDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(data, params)
    other = PaintDetector(sha256="9" * 64)
    monkeypatch.setattr(faces, "RetinaFace", lambda name: other)
    run(data, params)
    assert other.looks >= len(PICTURES)


def test_a_new_member_or_duplicate_group_is_followed_without_looking(
    data: Path, params: Params, painter: PaintDetector
) -> None:
    run(data, params)
    members = dict.fromkeys((*PICTURES, "broken", "absent"), "수아")
    write_clean(data, members, {"good": "another photo"})
    painter.looks = 0
    rows, _ = run(data, params)
    assert painter.looks == 0
    assert set(rows["member"]) == {"수아"}
    assert rows.loc["good", "duplicate_group"] == "another photo"


def test_what_is_gone_upstream_is_gone_here(data: Path, params: Params, painter: PaintDetector) -> None:
    run(data, params)
    write_clean(data, {"large": "mira", "two": "mira"})
    rows, reasons = run(data, params)
    assert set(rows.index) == {"large"}
    assert reasons == {"two": "several faces"}


def test_a_folder_of_others_among_the_crops_stays(data: Path, params: Params, painter: PaintDetector) -> None:
    (data / "faces" / "@eaDir").mkdir(parents=True)
    faces.main(data, params)
    assert (data / "faces" / "@eaDir").is_dir()


def test_a_crop_that_was_lost_is_made_again(data: Path, params: Params, painter: PaintDetector) -> None:
    run(data, params)
    before = contents(data)
    (data / "faces" / "good.png").unlink()
    run(data, params)
    assert contents(data) == before


@pytest.mark.parametrize("table", TABLES)
def test_a_damaged_table_is_made_again(data: Path, params: Params, painter: PaintDetector, table: str) -> None:
    run(data, params)
    before = contents(data)
    (data / table).write_bytes(b"PAR1 and nothing that follows")
    run(data, params)
    assert contents(data) == before


class Stopped(PaintDetector):
    """Is interrupted when it has looked so many times."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.after = after

    def detect(self, image_rgb: Rgb, min_score: float) -> Detections:
        if self.looks == self.after:
            raise KeyboardInterrupt
        return super().detect(image_rgb, min_score)


@pytest.mark.parametrize("after", [0, 1, 4, 9])
def test_a_run_that_was_stopped_is_completed_by_the_next(
    tmp_path: Path, data: Path, params: Params, painter: PaintDetector, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    run(data, params)
    whole = contents(data)
    for path in (*(data / name for name in TABLES), *(data / "faces").iterdir()):
        path.unlink()
    monkeypatch.setattr(incremental, "SAVE_EVERY_S", 0)
    with monkeypatch.context() as stopped:
        stopped.setattr(faces, "RetinaFace", lambda name: Stopped(after))
        with pytest.raises(KeyboardInterrupt):
            faces.main(data, params)
    painter.looks = 0
    run(data, params)
    assert contents(data) == whole
    if after == 9:
        assert painter.looks < 9  # what was saved is not done again


def test_a_group_without_pictures_has_no_faces(data: Path, params: Params, painter: PaintDetector) -> None:
    write_clean(data, {})
    rows, reasons = run(data, params)
    assert len(rows) == len(reasons) == 0


def test_without_clean_pictures_it_says_what_to_run(tmp_path: Path, params: Params, painter: PaintDetector) -> None:
    with pytest.raises(DatasetError, match=r"clean\.parquet is not there: run 'dvc repro'"):
        faces.main(tmp_path, params)


# The sample


@pytest.fixture(scope="module")
def true_faces(sample_project: Path) -> pd.DataFrame:
    """Rows of faces.parquet beside the truth (x0_true, yaw, ...) of those photos that show one person."""
    truth = pd.read_csv(SAMPLE / "truth_photo_faces.csv")
    truth = truth[~truth.duplicated("path", keep=False)]
    photos = pd.read_csv(SAMPLE / "truth_photos.csv").drop_duplicates("sha256")
    truth = truth.merge(photos[["path", "sha256"]], on="path")
    found = read_table(sample_project / "data" / "lanterns" / "faces.parquet", FACES)
    return found.merge(truth, left_on="key", right_on="sha256", suffixes=("", "_true"))


def test_the_sample_keeps_every_photo_of_one_person(sample_project: Path, true_faces: pd.DataFrame) -> None:
    data = sample_project / "data" / "lanterns"
    clean = read_table(data / "clean.parquet", CLEAN)
    rows = read_table(data / "faces.parquet", FACES)
    dropped = read_table(data / "dropped" / "faces.parquet", DROPPED)
    assert sorted([*rows["key"], *dropped["key"]]) == sorted(clean["key"])
    assert dropped["reason"].value_counts().to_dict() == {"several faces": 3, "no face": 2}
    assert len(true_faces) >= 74


def test_boxes_on_the_sample_are_where_the_faces_are(true_faces: pd.DataFrame) -> None:
    found = true_faces[BOX].to_numpy(np.float32)
    true = true_faces[["x0_true", "y0_true", "x1_true", "y1_true"]].to_numpy(np.float32)
    overlap = iou_matrix(found, true).diagonal()
    assert overlap.min() > 0.65
    assert overlap.mean() > 0.82


def test_yaw_on_the_sample_follows_the_truth_in_sign_and_size(true_faces: pd.DataFrame) -> None:
    error = true_faces["yaw_deg"] - true_faces["yaw"]
    assert np.corrcoef(true_faces["yaw_deg"], true_faces["yaw"])[0, 1] > 0.95
    assert error.abs().mean() < 5
    turned = true_faces["yaw"].abs() > 10
    assert (np.sign(true_faces["yaw_deg"]) == np.sign(true_faces["yaw"]))[turned].all()


def test_what_is_kept_passed_the_gates(sample_project: Path, params: Params) -> None:
    rows = read_table(sample_project / "data" / "lanterns" / "faces.parquet", FACES)
    gates = params.faces
    assert (rows["score"] >= gates.min_score).all()
    assert (rows["sharpness"] >= gates.min_sharpness).all()
    assert (rows["yaw_deg"].abs() <= gates.max_yaw_deg).all()
    assert rows["quality"].between(0, 1).all()
