"""What is inside each raw file, decoded once and remembered between runs."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pandas as pd
import PIL
import pyarrow as pa

from pipeline.animation import Picture, read_frames
from pipeline.duplicates import perceptual_hash, thumbnail
from pipeline.errors import UnreadableImageError
from pipeline.files import written_whole
from pipeline.images import THREADS, encode_jpeg
from pipeline.incremental import FINGERPRINT, earlier_rows, fingerprint, saved_often
from pipeline.keys import frame_key
from pipeline.params import Clean
from pipeline.progress import track
from pipeline.records import KEY, TEXT, column
from pipeline.tables import read_table, write_table

REVISION: Final = 1  # raise it when the code here, or that reads pictures, makes other rows of the same files
BATCH: Final = 128

SEEN_FILE: Final = "seen.parquet"
# What came out of each raw file, so that none is decoded twice: a row per picture, or one with the reason for none.
SEEN: Final = pa.schema(
    [
        column("raw_key", TEXT, "the key of the raw file"),
        KEY,
        column("reason", TEXT, "why there is no picture; else empty"),
        column("detail", TEXT, "the same, more exactly"),
        column("format", TEXT, "of the raw file, such as `JPEG`"),
        column("pixels_sha256", TEXT, "SHA-256 of the picture's pixels"),
        column("frame", pa.int32(), "of an animation, from 0"),
        column("width", pa.int32(), "of the picture as kept, px"),
        column("height", pa.int32(), "of the picture as kept, px"),
        column("source_pixels", pa.int64(), "of the picture before it was shrunk"),
        column("bytes", pa.int64(), "size of the raw file"),
        column("phash", pa.uint64(), "perceptual hash, 64 bits"),
        column("thumbnail", pa.binary(), "a few pixels, RGB, to compare copies by"),
    ]
)
_NOTHING: Final = {field.name: "" if field.type == pa.string() else 0 for field in SEEN} | {"thumbnail": b""}

Row = dict[str, Any]


def pixels_made_by(clean: Clean) -> str:
    """What the pixels of a kept picture depend on besides its raw file: the same key may else have others."""
    return fingerprint(REVISION, PIL.__version__, clean.max_side_px)


def look(files: dict[str, Path], folder: Path, clean: Clean) -> pd.DataFrame:
    """What each raw file holds (SEEN), decoding only those not seen before; new pictures are written into `folder`."""
    made_by = fingerprint(REVISION, PIL.__version__, clean)
    earlier = earlier_rows(folder / SEEN_FILE, SEEN, made_by)
    rows: list[Any] = earlier[earlier["raw_key"].isin(files)].to_dict("records")
    new = sorted(files.keys() - {row["raw_key"] for row in rows})

    def save() -> None:
        rows.sort(key=lambda row: (str(row["raw_key"]), int(row["frame"])))
        write_table(folder / SEEN_FILE, rows, SEEN, {FINGERPRINT: made_by})

    with saved_often(save) as one_done:
        for found, jpegs in track(_looked_at({key: files[key] for key in new}, clean), "clean", len(new)):
            write_files(folder, jpegs)
            rows.extend(found)
            one_done()
    return read_table(folder / SEEN_FILE, SEEN)


def look_at(clean: Clean, file: tuple[str, Path]) -> tuple[list[Row], dict[str, bytes]]:
    """Rows of one (raw key, file), and by file name its pictures as JPEGs; it never raises for what the file holds."""
    raw_key, path = file
    try:
        pictures = read_frames(path, clean)
        side = min(pictures[0].width, pictures[0].height)
        if side < clean.min_side_px:
            raise UnreadableImageError("too small", f"shorter side {side} px, needs {clean.min_side_px}")
    except UnreadableImageError as error:
        return [_NOTHING | {"raw_key": raw_key, "key": raw_key, "reason": error.reason, "detail": str(error)}], {}
    rows = [_row(raw_key, picture, path.stat().st_size) for picture in pictures]
    jpegs = [encode_jpeg(picture.rgb) for picture in pictures]
    return rows, {f"{row['key']}.jpg": jpeg for row, jpeg in zip(rows, jpegs, strict=True)}


def write_files(folder: Path, jpegs: dict[str, bytes]) -> None:
    """Write files by name, each whole or not at all."""
    for name, jpeg in jpegs.items():
        with written_whole(folder / name) as temporary:
            temporary.write_bytes(jpeg)


def _looked_at(files: dict[str, Path], clean: Clean) -> Iterator[tuple[list[Row], dict[str, bytes]]]:
    """Rows and JPEGs of each file, in order; decoded in threads, a batch at a time so that little is held at once."""
    items = list(files.items())
    with ThreadPoolExecutor(THREADS) as pool:
        for start in range(0, len(items), BATCH):
            yield from pool.map(partial(look_at, clean), items[start : start + BATCH])


def _row(raw_key: str, picture: Picture, size_bytes: int) -> Row:
    height, width = picture.rgb.shape[:2]
    return _NOTHING | {
        "raw_key": raw_key,
        "key": frame_key(raw_key, picture.frame),
        "format": picture.format,
        "pixels_sha256": sha256(repr(picture.rgb.shape).encode() + picture.rgb.tobytes()).hexdigest(),
        "frame": picture.frame or 0,
        "width": width,
        "height": height,
        "source_pixels": picture.width * picture.height,
        "bytes": size_bytes,
        "phash": perceptual_hash(picture.rgb),
        "thumbnail": thumbnail(picture.rgb).tobytes(),
    }
