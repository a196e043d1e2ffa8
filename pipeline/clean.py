"""Stage clean: raw photos -> upright RGB pictures, each photo once; what was dropped, and why."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from pipeline.animation import read_frames
from pipeline.duplicates import THUMBNAIL_PX, find_copies, groups
from pipeline.images import read_small
from pipeline.incremental import FINGERPRINT
from pipeline.manifest import read_manifest, read_not_kept
from pipeline.params import Clean, Params
from pipeline.records import CLEAN, CONFLICT, DUPLICATE, KEPT, NEAR_DUPLICATE, UNDER, Dropped, Ints, Rgb
from pipeline.seen import SEEN_FILE, look, look_at, pixels_made_by, write_files
from pipeline.sheets import TILE_PX, Source, write_sheets
from pipeline.stage import run_stage, told
from pipeline.tables import write_dropped, write_table
from pipeline.words import counted

STAGE: Final = "clean"


def main(data: Path, params: Params) -> None:
    """Read raw/; write clean/, clean.parquet, dropped/clean.parquet and the sheets of what was dropped."""
    raw, folder = data / "raw", data / "clean"
    manifest = read_manifest(raw).rename(columns={"key": "raw_key"})
    there = manifest["path"].map(lambda path: (raw / path).is_file()).astype(bool)  # one of a conflict may be deleted
    files = {row.raw_key: raw / row.path for row in manifest[there].itertuples()}
    seen = look(files, folder, params.clean)
    pictures = manifest[there][["raw_key", "member", "fetched_at"]].merge(seen, on="raw_key")
    judged = judge(pictures, params.clean.duplicate_distance)
    kept = judged[judged["reason"] == ""].sort_values("key")
    dropped = pd.concat([judged[judged["reason"] != ""], _missing(manifest[~there])], ignore_index=True)
    keep_only(kept, files, folder, params.clean)
    made_by = {FINGERPRINT: pixels_made_by(params.clean)}
    write_table(data / "clean.parquet", kept.assign(path=kept["key"] + ".jpg"), CLEAN, made_by)
    identical = read_not_kept(raw)
    rows = [Dropped(key, STAGE, *why) for key, *why in dropped[["key", "reason", "detail"]].itertuples(index=False)]
    write_dropped(data / "dropped" / f"{STAGE}.parquet", [*rows, *(Dropped(*row) for row in identical.to_numpy())])
    write_sheets(data / "sheets" / STAGE, chain(_cells(dropped, files, folder, params.clean), _again(identical, files)))
    reasons = [*dropped["reason"], *identical["reason"]]
    came_in = f"{counted(len(manifest) + len(identical), 'file')} with {counted(len(kept) + len(reasons), 'picture')}"
    print(f"{STAGE}: {told(came_in, len(kept), reasons)}")


def judge(pictures: pd.DataFrame, distance: int) -> pd.DataFrame:
    """The pictures (SEEN's columns, member, fetched_at) with reason ('' to keep), detail, kept_as, duplicate_group.

    Of several copies the largest, then the least compressed is kept, a GIF with its few colours last. A photo found
    under two members trains neither.
    """
    best_first = {"source_pixels": False, "few_colours": True, "bytes": False, "fetched_at": True, "key": True}
    rows = pictures[pictures["reason"] == ""]
    rows = rows.assign(few_colours=rows["format"] == "GIF").sort_values(
        [*best_first, "member"], ascending=[*best_first.values(), True], ignore_index=True
    )
    thumbnails = np.frombuffer(b"".join(rows["thumbnail"]), np.uint8).reshape(-1, THUMBNAIL_PX, THUMBNAIL_PX, 3)
    copies = find_copies(rows["phash"].to_numpy(np.uint64), thumbnails, distance)
    members = rows["member"].groupby(copies.photo)
    conflict = members.transform("nunique") > 1
    copy = ~conflict & (copies.keeper != rows.index)
    kept_as = rows["key"].to_numpy()[copies.keeper]
    exact = rows["pixels_sha256"].to_numpy()[copies.keeper] == rows["pixels_sha256"]
    rows["reason"] = np.select([conflict, copy & exact, copy], [CONFLICT, DUPLICATE, NEAR_DUPLICATE], "")
    rows["detail"] = np.where(copy, KEPT + kept_as, "")
    for _, names in rows["member"][conflict].groupby(copies.photo[conflict]):
        rows.loc[names.index, "detail"] = f"{UNDER}{', '.join(sorted(set(names)))}"
    rows["kept_as"] = np.where(copy, kept_as, "")
    rows["duplicate_group"] = _duplicate_groups(rows, copies.photo)
    unread = pictures[pictures["reason"] != ""]
    return pd.concat([rows, unread.assign(kept_as="", duplicate_group=unread["raw_key"])], ignore_index=True)


def keep_only(kept: pd.DataFrame, files: dict[str, Path], folder: Path, clean: Clean) -> None:
    """Make `folder` hold the kept pictures and no others; a copy that became the best is decoded again."""
    wanted = dict(zip(kept["key"] + ".jpg", kept["raw_key"], strict=True))
    present = {path.name for path in folder.iterdir() if path.is_file()}
    for name in present - wanted.keys() - {SEEN_FILE}:
        (folder / name).unlink()
    for raw_key in sorted({wanted[name] for name in wanted.keys() - present}):
        _, jpegs = look_at(clean, (raw_key, files[raw_key]))
        write_files(folder, {name: jpeg for name, jpeg in jpegs.items() if name in wanted})


def _missing(rows: pd.DataFrame) -> pd.DataFrame:
    rows = rows.assign(key=rows["raw_key"], duplicate_group=rows["raw_key"], detail=rows["path"])
    return rows.assign(reason="missing file", kept_as="", frame=0)


def _duplicate_groups(rows: pd.DataFrame, photo: Ints) -> pd.Series:
    """The raw key of the earliest photo among copies and frames of one animation, which later photos do not change."""
    everyone = np.arange(len(rows))
    links = []
    for labels in (photo, rows["raw_key"].to_numpy()):
        _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
        links.append(np.stack([first[inverse], everyone], axis=1))
    label = groups(len(rows), np.concatenate(links))
    by_age = rows.assign(label=label).sort_values(["fetched_at", "raw_key"])
    return by_age.groupby("label")["raw_key"].transform("first")  # aligned by index


def _cells(
    dropped: pd.DataFrame, files: dict[str, Path], folder: Path, clean: Clean
) -> Iterator[tuple[str, Source, str]]:
    """What the sheets show: copies beside each other, after the picture that was kept of them."""
    before = ""
    rows: list[Any] = dropped.sort_values(["reason", "duplicate_group", "kept_as", "key", "member"]).to_dict("records")
    for row in rows:
        if row["kept_as"] not in ("", before):
            yield row["reason"], folder / f"{row['kept_as']}.jpg", f"{row['kept_as']} {row['member']} (kept)"
        before = row["kept_as"]
        path = files.get(row["raw_key"])
        source: Source = partial(_shown, path, row, clean) if path else None
        yield row["reason"], source, f"{row['key']} {row['member']} {row['detail']}"


def _again(identical: pd.DataFrame, files: dict[str, Path]) -> Iterator[tuple[str, Source, str]]:
    for row in identical.itertuples():
        yield row.reason, files.get(row.key), f"{row.key} {row.detail}"


def _shown(path: Path, row: dict[str, Any], clean: Clean) -> Rgb:
    if row["key"] == row["raw_key"]:
        return read_small(path, TILE_PX, clean)
    return next(picture.rgb for picture in read_frames(path, clean) if picture.frame == row["frame"])


if __name__ == "__main__":
    raise SystemExit(run_stage(main))
