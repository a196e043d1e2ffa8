"""Stage faces: clean pictures -> aligned crops of those that show exactly one prominent face that passes the gates."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from PIL import Image

from pipeline.errors import UnreadableImageError
from pipeline.files import written_whole
from pipeline.images import read_still
from pipeline.incremental import FINGERPRINT, earlier_rows, fingerprint
from pipeline.models import Detector
from pipeline.models.geometry import align, areas
from pipeline.models.looking import find_faces_in_photo, second_look
from pipeline.models.quality import Quality, measure
from pipeline.models.retinaface import RetinaFace
from pipeline.params import FaceGates, Params
from pipeline.progress import track
from pipeline.records import CLEAN, DROPPED, FACES, Dropped, Faces, Float32, Rgb
from pipeline.sheets import write_sheets
from pipeline.stage import run_stage, told
from pipeline.tables import read_metadata, read_table, write_dropped, write_table

STAGE: Final = "faces"
REVISION: Final = 1  # raise it when the code below gives other rows for the same input
SAVE_EVERY: Final = 200  # pictures; being killed costs at most these


@dataclass(frozen=True, slots=True)
class Crop:
    """The one prominent face of a picture: aligned (112, 112, 3) uint8, box (4,), landmarks (5, 2), score, quality."""

    rgb: Rgb
    box_xyxy: Float32
    landmarks_xy: Float32
    score: float
    quality: Quality


def one_face(image_rgb: Rgb, detector: Detector, gates: FaceGates) -> Crop | tuple[str, str]:
    """The one prominent face of image_rgb (h, w, 3), or the reason and the detail why it is not used."""
    faces = find_faces_in_photo(detector, image_rgb, gates.detect_side_px, gates.min_score)
    if not len(faces):
        return "no face", ""
    prominent = np.flatnonzero(areas(faces.boxes_xyxy) >= gates.prominence * areas(faces.boxes_xyxy).max())
    if len(prominent) > 1:
        return "several faces", f"{len(prominent)} faces"
    crop = _crop(image_rgb, faces, int(prominent[0]), detector)
    return gate(crop.quality, gates) or crop


def gate(quality: Quality, gates: FaceGates) -> tuple[str, str] | None:
    """The first gate that a face does not pass, as reason and detail; None when it passes all."""
    if quality.face_px < gates.min_face_px:
        return "face too small", f"{quality.face_px:.0f} px, needs {gates.min_face_px}"
    if quality.sharpness < gates.min_sharpness:
        return "blurred", f"sharpness {quality.sharpness:.0f}, needs {gates.min_sharpness:.0f}"
    if not gates.min_light <= quality.light <= gates.max_light:
        return "bad light", f"mean grey level {quality.light:.0f}"
    angles = {"yaw": quality.yaw_deg, "pitch": quality.pitch_deg, "roll": quality.roll_deg}
    most = {"yaw": gates.max_yaw_deg, "pitch": gates.max_pitch_deg, "roll": gates.max_roll_deg}
    for name, angle in angles.items():
        if abs(angle) > most[name]:
            return "turned away", f"{name} {angle:.0f} degrees"
    return None


def main(data: Path, params: Params) -> None:
    """Read clean.parquet; write faces/, faces.parquet, dropped/faces.parquet and the sheets of what was dropped."""
    clean = read_table(data / "clean.parquet", CLEAN)
    detector = RetinaFace(params.models.detector)
    # Pictures keep their keys when clean decodes or shrinks them in another way.
    pixels_made_by = read_metadata(data / "clean.parquet").get(FINGERPRINT)
    made_by = fingerprint(STAGE, REVISION, params.faces, pixels_made_by, detector.sha256)
    rows, dropped = _known(data, clean, made_by)
    done = {row["key"] for row in rows} | {row.key for row in dropped}
    todo = [row for row in clean.to_dict("records") if row["key"] not in done]
    try:
        for count, row in enumerate(track(todo, STAGE), start=1):
            found = _look(data, row, detector, params.faces)
            if isinstance(found, Dropped):
                dropped.append(found)
            else:
                rows.append(found)
            if count % SAVE_EVERY == 0:
                _save(data, rows, dropped, made_by)
    except KeyboardInterrupt:
        _save(data, rows, dropped, made_by)
        raise
    _save(data, rows, dropped, made_by)
    _remove_strays(data / "faces", {row["path"] for row in rows})
    members = dict(zip(clean["key"], clean["member"], strict=True))
    sheets = [
        (row.reason, data / "clean" / f"{row.key}.jpg", f"{row.key} {members[row.key]} {row.detail}") for row in dropped
    ]
    write_sheets(data / "sheets" / STAGE, sheets)
    print(
        f"{STAGE}: {told(f'{len(clean)} pictures', len(rows), (row.reason for row in dropped))}, {len(todo)} looked at"
    )


def _known(data: Path, clean: pd.DataFrame, made_by: str) -> tuple[list[dict[str, Any]], list[Dropped]]:
    """What an earlier run found for pictures that are still there, with their present member and duplicate group."""
    earlier = earlier_rows(data / "faces.parquet", FACES, made_by)
    now = clean.set_index("key")
    has_crop = earlier["path"].map(lambda path: (data / "faces" / path).is_file()).astype(bool)
    earlier = earlier[has_crop & earlier["key"].isin(now.index)]
    earlier = earlier.assign(**{name: earlier["key"].map(now[name]) for name in ("member", "duplicate_group")})
    dropped_path = data / "dropped" / f"{STAGE}.parquet"
    dropped = earlier_rows(dropped_path, DROPPED, made_by)
    dropped = dropped[dropped["key"].isin(now.index)]
    return earlier.to_dict("records"), [Dropped(*row) for row in dropped[DROPPED.names].itertuples(index=False)]


def _look(data: Path, row: dict[str, Any], detector: Detector, gates: FaceGates) -> dict[str, Any] | Dropped:
    try:
        found = one_face(read_still(data / "clean" / row["path"]), detector, gates)
    except UnreadableImageError as error:
        found = (error.reason, str(error))
    if not isinstance(found, Crop):
        return Dropped(row["key"], STAGE, *found)
    path = f"{row['key']}.png"
    with written_whole(data / "faces" / path) as temporary:
        Image.fromarray(found.rgb).save(temporary, "PNG")
    x0, y0, x1, y1 = (float(value) for value in found.box_xyxy)
    quality = found.quality
    return {
        **{name: row[name] for name in ("key", "member", "duplicate_group")},
        "path": path,
        "x0": x0,
        "y0": y0,
        "x1": x1,
        "y1": y1,
        "score": found.score,
        "landmarks_xy": found.landmarks_xy.ravel().tolist(),
        "sharpness": quality.sharpness,
        "light": quality.light,
        "yaw_deg": quality.yaw_deg,
        "pitch_deg": quality.pitch_deg,
        "roll_deg": quality.roll_deg,
        "quality": quality.overall,
    }


def _crop(image_rgb: Rgb, faces: Faces, index: int, detector: Detector) -> Crop:
    box, score = faces.boxes_xyxy[index], float(faces.scores[index])
    landmarks = second_look(detector, image_rgb, box, faces.landmarks_xy[index])
    aligned = align(image_rgb, landmarks)
    return Crop(aligned, box, landmarks, score, measure(aligned, box, landmarks, score))


def _save(data: Path, rows: list[dict[str, Any]], dropped: list[Dropped], made_by: str) -> None:
    write_dropped(data / "dropped" / f"{STAGE}.parquet", dropped, {FINGERPRINT: made_by})
    rows = sorted(rows, key=lambda row: str(row["key"]))
    write_table(data / "faces.parquet", rows, FACES, {FINGERPRINT: made_by})


def _remove_strays(folder: Path, kept: set[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.name not in kept:
            path.unlink()


if __name__ == "__main__":
    raise SystemExit(run_stage(main))
