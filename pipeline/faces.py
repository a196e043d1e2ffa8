"""Stage faces: clean pictures -> aligned crops of those that show exactly one prominent face that passes the gates.

Of pictures with several, the faces that pass are kept aside as unlabelled: nobody has said yet who is who.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import pandas as pd
from PIL import Image

from pipeline.errors import UnreadableImageError
from pipeline.files import written_whole
from pipeline.gates import Crop, gate, prominent_faces
from pipeline.images import read_still
from pipeline.incremental import FINGERPRINT, earlier_tables, fingerprint, saved_often
from pipeline.keys import face_key, picture_key
from pipeline.models import Detector
from pipeline.models.retinaface import RetinaFace
from pipeline.models.weights import chosen_detector
from pipeline.params import FaceGates, Params
from pipeline.progress import track
from pipeline.records import BOX, CLEAN, DROPPED, FACES, UNLABELLED, Dropped
from pipeline.sheets import write_sheets
from pipeline.stage import run_stage, told
from pipeline.tables import read_metadata, read_table, write_dropped, write_table
from pipeline.words import counted

STAGE: Final = "faces"
REVISION: Final = 3  # raise it when the code below gives other rows for the same input

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Found:
    """What came of pictures: rows (FACES) of single faces, of faces among several (UNLABELLED), pictures dropped."""

    single: list[Row] = field(default_factory=list)
    unlabelled: list[Row] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)


def main(data: Path, params: Params) -> None:
    """Read clean.parquet; write faces/, faces.parquet, unlabelled.parquet, dropped/faces.parquet and its sheets."""
    clean = read_table(data / "clean.parquet", CLEAN)
    detector = RetinaFace(chosen_detector(params.models))
    # Pictures keep their keys when clean decodes or shrinks them in another way.
    pixels_made_by = read_metadata(data / "clean.parquet").get(FINGERPRINT)
    made_by = fingerprint(STAGE, REVISION, params.faces, pixels_made_by, detector.sha256)
    found = _known(data, clean, made_by)
    done = {row["key"] for row in found.single} | {row.key for row in found.dropped}
    todo = [row for row in clean.to_dict("records") if row["key"] not in done]
    with saved_often(lambda: _save(data, found, made_by)) as one_done:
        for row in track(todo, STAGE):
            rows, why_not = _look(data, row, detector, params.faces)
            (found.unlabelled if why_not else found.single).extend(rows)
            found.dropped.extend([why_not] if why_not else [])
            one_done()
    _remove_strays(data / "faces", {row["path"] for row in [*found.single, *found.unlabelled]})
    members = dict(zip(clean["key"], clean["member"], strict=True))
    sheets = [
        (row.reason, data / "clean" / f"{row.key}.jpg", f"{row.key} {members[row.key]} {row.detail}")
        for row in found.dropped
    ]
    write_sheets(data / "sheets" / STAGE, sheets)
    kept = told(counted(len(clean), "picture"), len(found.single), (row.reason for row in found.dropped))
    print(f"{STAGE}: {kept}, {counted(len(found.unlabelled), 'face')} of several kept aside, {len(todo)} looked at")


def _known(data: Path, clean: pd.DataFrame, made_by: str) -> Found:
    """What an earlier run found in pictures that are still there, with their present member and duplicate group."""
    tables = {"faces.parquet": FACES, "unlabelled.parquet": UNLABELLED, f"dropped/{STAGE}.parquet": DROPPED}
    single, unlabelled, dropped = earlier_tables(data, tables, made_by)
    there = set(clean["key"]) - {
        picture_key(row.key) for rows in (single, unlabelled) for row in _without_crop(data, rows)
    }
    rows = [Dropped(*row) for row in dropped[DROPPED.names].itertuples(index=False) if row.key in there]
    several = {row.key for row in rows}
    return Found(_followed(single, clean, there), _followed(unlabelled, clean, there & several), rows)


def _without_crop(data: Path, rows: pd.DataFrame) -> Iterator[Any]:
    return (row for row in rows.itertuples() if not (data / "faces" / row.path).is_file())


def _followed(rows: pd.DataFrame, clean: pd.DataFrame, there: set[str]) -> list[Row]:
    photo = rows["key"].map(picture_key)
    rows = rows[photo.isin(there)]
    now = clean.set_index("key").loc[photo[rows.index]]
    return rows.assign(**{name: now[name].to_numpy() for name in ("member", "duplicate_group")}).to_dict("records")


def _look(data: Path, row: Row, detector: Detector, gates: FaceGates) -> tuple[list[Row], Dropped | None]:
    """Rows of a picture's faces that pass, their crops now in faces/; and why the picture is dropped, if it is."""
    key = row["key"]
    try:
        crops = prominent_faces(read_still(data / "clean" / row["path"]), detector, gates)
    except UnreadableImageError as error:
        return [], Dropped(key, STAGE, error.reason, str(error))
    faults = [gate(crop.quality, gates) for crop in crops]
    if len(crops) > 1:
        good = [place for place, fault in enumerate(faults) if fault is None]
        rows = [_row(data, row, face_key(key, place + 1), crops[place]) for place in good]
        return rows, Dropped(key, STAGE, "several faces", f"{len(crops)} faces, {len(good)} kept aside")
    if not crops:
        return [], Dropped(key, STAGE, "no face")
    if faults[0]:
        return [], Dropped(key, STAGE, *faults[0])
    return [_row(data, row, key, crops[0])], None


def _row(data: Path, picture: Row, key: str, crop: Crop) -> Row:
    path = f"{key}.png"
    with written_whole(data / "faces" / path) as temporary:
        Image.fromarray(crop.rgb).save(temporary, "PNG")
    quality = asdict(crop.quality)
    return {
        **{name: picture[name] for name in ("member", "duplicate_group")},
        "key": key,
        "path": path,
        **dict(zip(BOX, crop.box_xyxy.tolist(), strict=True)),
        "landmarks_xy": crop.landmarks_xy.ravel().tolist(),
        "score": crop.score,
        "quality": quality.pop("overall"),
        **{name: quality[name] for name in quality if name in FACES.names},
    }


def _save(data: Path, found: Found, made_by: str) -> None:
    metadata = {FINGERPRINT: made_by}
    for name, rows in (("faces.parquet", found.single), ("unlabelled.parquet", found.unlabelled)):
        write_table(data / name, sorted(rows, key=lambda row: str(row["key"])), FACES, metadata)
    # Last: a picture that this table names is done, with all the faces of it that were kept aside.
    write_dropped(data / "dropped" / f"{STAGE}.parquet", found.dropped, metadata)


def _remove_strays(folder: Path, kept: set[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.name not in kept and path.is_file():
            path.unlink()


if __name__ == "__main__":
    raise SystemExit(run_stage(main))
