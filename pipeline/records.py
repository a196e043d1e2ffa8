"""Every table and record that passes between stages: the one file they all import.

A table is a Parquet file with one of the schemas below. Keys are the SHA-256 of the raw file, with `.<frame>` behind it
for a frame of an animation, and `@<n>` behind that for the n-th prominent face from the left where there are several.
`member` is always the roster's key, or 'unknown' for a face nobody was matched to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

UNKNOWN: Final = "unknown"
TRAIN: Final = "train"  # the two sides of SPLIT
TEST: Final = "test"
SHORT_KEY: Final = 8  # characters of a key that captions show and that review.csv must have at least

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Rgb = npt.NDArray[np.uint8]

MANIFEST = pa.schema(
    [
        ("key", pa.string()),
        ("member", pa.string()),
        ("path", pa.string()),
        ("source", pa.string()),
        ("keyword", pa.string()),
        ("url", pa.string()),
        ("page_url", pa.string()),
        ("licence", pa.string()),
        ("fetched_at", pa.string()),
        ("http_status", pa.int32()),
        ("content_type", pa.string()),
        ("bytes", pa.int64()),
    ]
)

# Every fetch of a crawl, the last one per member and url: reason is '' for a photo that was kept, retry says whether
# another crawl tries again. MANIFEST has the photos only.
FETCHES = pa.schema([*MANIFEST, ("reason", pa.string()), ("detail", pa.string()), ("retry", pa.bool_())])

# How the detail of a photo dropped as 'conflict' begins; the members follow, parted by ', '.
UNDER: Final = "the same photo under "

DROPPED = pa.schema([("key", pa.string()), ("stage", pa.string()), ("reason", pa.string()), ("detail", pa.string())])

CLEAN = pa.schema(
    [
        ("key", pa.string()),
        ("member", pa.string()),
        ("raw_key", pa.string()),
        ("frame", pa.int32()),
        ("path", pa.string()),
        ("format", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("phash", pa.uint64()),
        ("duplicate_group", pa.string()),
    ]
)

FACES = pa.schema(
    [
        ("key", pa.string()),
        ("member", pa.string()),
        ("duplicate_group", pa.string()),
        ("path", pa.string()),
        *((name, pa.float32()) for name in ("x0", "y0", "x1", "y1")),
        ("landmarks_xy", pa.list_(pa.float32(), 10)),
        *((name, pa.float32()) for name in ("score", "sharpness", "light", "yaw_deg", "pitch_deg", "roll_deg")),
        ("quality", pa.float32()),
        ("occlusion", pa.float32()),
    ]
)

# Good faces of pictures that show several people: `member` is only the folder that the photo lay under.
UNLABELLED = FACES

CURATED = pa.schema(
    [
        ("key", pa.string()),
        ("member", pa.string()),
        ("duplicate_group", pa.string()),
        ("quality", pa.float32()),
        ("decided_by", pa.string()),
    ]
)

# reason is 'another member' (the one in looks_like) or 'stranger'; action is 'drop', or 'flag' for one kept in doubt.
# score: by how much likeness another member is ahead of its own, or its own falls short of its floor, if that is more;
# label_quality: how probable cleanlab holds its label, 0 to 1.
SUSPECTS = pa.schema(
    [
        ("key", pa.string()),
        ("member", pa.string()),
        ("looks_like", pa.string()),
        ("score", pa.float32()),
        ("reason", pa.string()),
        ("action", pa.string()),
        ("label_quality", pa.float32()),
    ]
)

# Unlabelled faces that surely look like one member, who is `margin` more alike than the next.
SUGGESTED = pa.schema(
    [("key", pa.string()), ("member", pa.string()), ("likeness", pa.float32()), ("margin", pa.float32())]
)

SPLIT = pa.schema(
    [("key", pa.string()), ("member", pa.string()), ("duplicate_group", pa.string()), ("side", pa.string())]
)

VIDEO_FRAMES = pa.schema([("frame", pa.int32()), ("pts", pa.int64()), ("time_s", pa.float64()), ("shot", pa.int32())])

TRACKED_FACES = pa.schema(
    [
        ("frame", pa.int32()),
        ("shot", pa.int32()),
        ("track", pa.int32()),
        *((name, pa.float32()) for name in ("x0", "y0", "x1", "y1")),
        ("detection_score", pa.float32()),
        ("interpolated", pa.bool_()),
    ]
)

LABELLED_FACES = pa.schema(
    [
        ("frame", pa.int32()),
        ("time_s", pa.float64()),
        ("shot", pa.int32()),
        ("track", pa.int32()),
        *((name, pa.float32()) for name in ("x0", "y0", "x1", "y1")),
        ("detection_score", pa.float32()),
        ("interpolated", pa.bool_()),
        ("member", pa.string()),
        ("confidence", pa.float32()),
        ("second", pa.string()),
        ("second_confidence", pa.float32()),
    ]
)


# What a track's name rests on: person is the same number for linked tracks; why is 'photos' (alike to the member's),
# 'elimination' (the others' names were taken) or 'video' (alike to sure faces of that member in this video), and for an
# unknown 'like nobody', 'like two' (members, about equally) or 'name taken' (by a surer face on the same frames).
NAMED_TRACKS = pa.schema(
    [
        *((name, pa.int32()) for name in ("track", "person", "shot")),
        *((name, pa.float64()) for name in ("start_s", "end_s")),
        ("faces", pa.int32()),
        ("member", pa.string()),
        ("confidence", pa.float32()),
        ("second", pa.string()),
        ("second_confidence", pa.float32()),
        ("likeness", pa.float32()),
        ("why", pa.string()),
    ]
)


def embeddings_schema(dimensions: int) -> pa.Schema:
    """Unit vectors of `dimensions` float32 each; the embedder's name and hash stand in the metadata."""
    return pa.schema(
        [
            ("key", pa.string()),
            ("member", pa.string()),
            ("duplicate_group", pa.string()),
            ("quality", pa.float32()),
            ("vector", pa.list_(pa.float32(), dimensions)),
        ]
    )


def gallery_schema(dimensions: int) -> pa.Schema:
    """Learnt faces, which are compared with: unit vectors of `dimensions` float32 each, and whose, by number."""
    return pa.schema([("label", pa.int64()), ("vector", pa.list_(pa.float32(), dimensions))])


def sampled_faces_schema(dimensions: int) -> pa.Schema:
    """The few faces of each video track that were embedded: crops for pictures, vectors for names."""
    return pa.schema(
        [
            ("track", pa.int32()),
            ("frame", pa.int32()),
            ("quality", pa.float32()),
            ("vector", pa.list_(pa.float32(), dimensions)),
            ("crop_jpeg", pa.binary()),
        ]
    )


@dataclass(frozen=True, slots=True)
class Dropped:
    """One item that a stage could not use, and why."""

    key: str
    stage: str
    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Faces:
    """The faces of one picture, best score first.

    boxes_xyxy (n, 4) and landmarks_xy (n, 5, 2) float32 in pixels of that picture, origin top-left; landmarks are the
    picture's left eye, right eye, nose tip, left and right mouth corner. scores (n,) float32 in 0..1.
    """

    boxes_xyxy: Float32
    landmarks_xy: Float32
    scores: Float32

    def __len__(self) -> int:
        return len(self.scores)

    def __getitem__(self, which: npt.NDArray[np.bool_] | npt.NDArray[np.intp] | slice) -> Faces:
        return Faces(self.boxes_xyxy[which], self.landmarks_xy[which], self.scores[which])
