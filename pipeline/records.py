"""Every table and record that passes between stages: the one file they all import.

A table is a Parquet file with one of the schemas below. Keys are the SHA-256 of the raw file, with `.<frame>` behind it
for a frame of an animation, and `@<n>` behind that for the n-th prominent face from the left where there are several.
`member` is always the roster's key, or 'unknown' for a face nobody was matched to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

UNKNOWN: Final = "unknown"
TRAIN: Final = "train"  # the two sides of SPLIT
TEST: Final = "test"
BOX: Final = ["x0", "y0", "x1", "y1"]  # the columns of a box's left, top, right and bottom side
SHORT_KEY: Final = 8  # characters of a key that captions show and that review.csv must have at least

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Rgb = npt.NDArray[np.uint8]


def column(name: str, kind: pa.DataType, meaning: str) -> pa.Field:
    """A column of a table, with what it means: docs/formats.md is made from it, by docs/formats.py."""
    return pa.field(name, kind, metadata={"meaning": meaning})


def vector(dimensions: int) -> pa.Field:
    """The column of unit vectors of `dimensions` float32 each."""
    return column("vector", pa.list_(pa.float32(), dimensions), "the embedder's, of length 1")


TEXT, FLOAT = pa.string(), pa.float32()

KEY = column("key", TEXT, "the picture's, or the face's: see above")
MEMBER = column("member", TEXT, "the roster's key")
DUPLICATE_GROUP = column("duplicate_group", TEXT, "the key of the best of the pictures that are copies of one")
QUALITY = column("quality", FLOAT, "how good the face is to learn from, 0 to 1: size, sharpness, pose and score")
FRAME = column("frame", pa.int32(), "number of the frame, as shown, from 0")
SHOT = column("shot", pa.int32(), "number of the shot, from 0")
TRACK = column("track", pa.int32(), "number of the track: one face followed through one shot")
SURE_OF_FACE = "how sure the detector is that this is a face, 0 to 1"


def box(of: str) -> list[pa.Field]:
    """The four columns of a face's box, in pixels of the picture called `of`."""
    sides = zip(BOX, ("left", "top", "right", "bottom"), strict=True)
    return [column(name, FLOAT, f"{side} of the face's box, px of {of}") for name, side in sides]


MANIFEST = pa.schema(
    [
        column("key", TEXT, "SHA-256 of the file, 64 hex digits"),
        MEMBER,
        column("path", TEXT, "of the file, below `raw/`"),
        column("source", TEXT, "`import`, or the source of the crawl"),
        column("keyword", TEXT, "what the source was asked for; empty where it was not asked by keyword"),
        column("url", TEXT, "the photo's address"),
        column("page_url", TEXT, "of the page that it stands on, if known"),
        column("licence", TEXT, "as the source tells it, with the author; empty when it does not"),
        column("fetched_at", TEXT, "when it came in, ISO 8601, UTC"),
        column("http_status", pa.int32(), "the answer's; 0 where nothing was fetched"),
        column("content_type", TEXT, "by what is in the file, such as `image/jpeg`"),
        column("bytes", pa.int64(), "size of the file"),
    ]
)

# Every fetch of a crawl, the last one per member and url. MANIFEST has the photos only.
FETCHES = pa.schema(
    [
        *MANIFEST,
        column("reason", TEXT, "why there is no photo of it; empty for one that was kept"),
        column("detail", TEXT, "the same, more exactly"),
        column("retry", pa.bool_(), "whether the next crawl tries again"),
    ]
)

# Reasons in DROPPED that more than the stage which gives them knows of.
CONFLICT: Final = "conflict"
DUPLICATE: Final = "duplicate"
NEAR_DUPLICATE: Final = "near-duplicate"
REJECTED: Final = "rejected by a person"
# How the detail of a photo dropped as CONFLICT begins; the members follow, parted by ', '.
UNDER: Final = "the same photo under "
# How the detail of a copy begins; the key of the picture that was kept follows.
KEPT: Final = "kept "

DROPPED = pa.schema(
    [
        KEY,
        column("stage", TEXT, "that dropped it"),
        column("reason", TEXT, "a word or two, the same for all of a kind"),
        column("detail", TEXT, "the same, more exactly"),
    ]
)

CLEAN = pa.schema(
    [
        KEY,
        MEMBER,
        column("raw_key", TEXT, "the key of the raw file"),
        column("frame", pa.int32(), "of an animation, from 0"),
        column("path", TEXT, "of the picture, below `clean/`"),
        column("format", TEXT, "of the raw file, such as `JPEG`"),
        column("width", pa.int32(), "px, upright"),
        column("height", pa.int32(), "px, upright"),
        column("phash", pa.uint64(), "perceptual hash, 64 bits"),
        DUPLICATE_GROUP,
    ]
)

FACES = pa.schema(
    [
        KEY,
        MEMBER,
        DUPLICATE_GROUP,
        column("path", TEXT, "of the aligned face, below `faces/`"),
        *box("the clean picture"),
        column(
            "landmarks_xy",
            pa.list_(FLOAT, 10),
            "x and y of left eye, right eye, nose tip, left and right mouth corner, px",
        ),
        column("score", FLOAT, SURE_OF_FACE),
        column("sharpness", FLOAT, "variance of the Laplacian over the aligned face"),
        column("light", FLOAT, "mean grey level of the aligned face, 0 to 255"),
        column("yaw_deg", FLOAT, "turned to a side, degrees"),
        column("pitch_deg", FLOAT, "up or down, degrees"),
        column("roll_deg", FLOAT, "tilted, degrees"),
        QUALITY,
        column("occlusion", FLOAT, "how unlike the colours of mouth and chin are to those of nose and cheeks (CIELAB)"),
    ]
)

# Good faces of pictures that show several people: `member` is only the folder that the photo lay under.
UNLABELLED = FACES

CURATED = pa.schema(
    [KEY, MEMBER, DUPLICATE_GROUP, QUALITY, column("decided_by", TEXT, "who kept it: `machine` or `person`")]
)

SUSPECTS = pa.schema(
    [
        KEY,
        MEMBER,
        column("looks_like", TEXT, "the member that it is more alike; of a stranger the one that it lies under"),
        column(
            "score",
            FLOAT,
            "by how much likeness another member is ahead of its own, or its own is below its floor, if that is more",
        ),
        column("reason", TEXT, "`another member` or `stranger`"),
        column("action", TEXT, "`drop`, or `flag` for one kept in doubt"),
        column("label_quality", FLOAT, "how probable cleanlab holds its label, 0 to 1"),
    ]
)

SUGGESTED = pa.schema(
    [
        KEY,
        column("member", TEXT, "whom the unlabelled face surely looks like"),
        column("likeness", FLOAT, "to that member, -1 to 1"),
        column("margin", FLOAT, "by how much more alike that member is than the next"),
    ]
)

SPLIT = pa.schema([KEY, MEMBER, DUPLICATE_GROUP, column("side", TEXT, f"`{TRAIN}` or `{TEST}`")])

VIDEO_FRAMES = pa.schema(
    [
        FRAME,
        column("pts", pa.int64(), "the frame's own time stamp, in ticks of the stream"),
        column("time_s", pa.float64(), "the same in seconds"),
        SHOT,
    ]
)

DETECTED = (
    *box("the upright frame"),
    column("detection_score", FLOAT, SURE_OF_FACE),
    column("interpolated", pa.bool_(), "whether it was not looked for on this frame, but lies between two that were"),
)

TRACKED_FACES = pa.schema([FRAME, SHOT, TRACK, *DETECTED])

GIVEN_NAME = (
    column("member", TEXT, "the roster's key, or `unknown` below the threshold"),
    column("confidence", FLOAT, "of `member`, 0 to 1; for an unknown face that of its best guess, `second`"),
    column("second", TEXT, "the runner-up; for an unknown face the best guess"),
    column("second_confidence", FLOAT, "of `second`, 0 to 1"),
)

LABELLED_FACES = pa.schema(
    [FRAME, column("time_s", pa.float64(), "when the frame is shown, s"), SHOT, TRACK, *DETECTED, *GIVEN_NAME]
)

NAMED_TRACKS = pa.schema(
    [
        TRACK,
        column("person", pa.int32(), "the same number for tracks that were linked as one person"),
        SHOT,
        column("start_s", pa.float64(), "when the track's first frame is shown, s"),
        column("end_s", pa.float64(), "when its last frame is shown, s"),
        column("faces", pa.int32(), "how many frames it is on"),
        *GIVEN_NAME,
        column("likeness", FLOAT, "to the member, or to the best guess, -1 to 1"),
        column(
            "why",
            TEXT,
            "what the name rests on: `photos` (alike to the member's), `elimination` (the others' names were taken), "
            "`video` (alike to sure faces of that member in this video); of an unknown `like nobody`, `like two` "
            "(members, about equally) or `name taken` (by a surer face on the same frames)",
        ),
    ]
)


def embeddings_schema(dimensions: int) -> pa.Schema:
    """Unit vectors of `dimensions` float32 each; the embedder's name and hash stand in the metadata."""
    return pa.schema([KEY, MEMBER, DUPLICATE_GROUP, QUALITY, vector(dimensions)])


def gallery_schema(dimensions: int) -> pa.Schema:
    """Learnt faces, which are compared with: unit vectors of `dimensions` float32 each, and whose, by number."""
    return pa.schema([column("label", pa.int64(), "number of the member in `model.json`, from 0"), vector(dimensions)])


def sampled_faces_schema(dimensions: int) -> pa.Schema:
    """The few faces of each video track that were embedded: crops for pictures, vectors for names."""
    picture = column("crop_jpeg", pa.binary(), "the track's best face as a JPEG; of its other faces empty")
    return pa.schema([TRACK, FRAME, QUALITY, vector(dimensions), picture])


@dataclass(frozen=True, slots=True)
class Dropped:
    """One item that a stage could not use, and why."""

    key: str
    stage: str
    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Detections:
    """The faces of one picture, best score first.

    boxes_xyxy (n, 4) and landmarks_xy (n, 5, 2) float32 in pixels of that picture, origin top-left; landmarks are the
    picture's left eye, right eye, nose tip, left and right mouth corner. scores (n,) float32 in 0..1.
    """

    boxes_xyxy: Float32
    landmarks_xy: Float32
    scores: Float32

    def __len__(self) -> int:
        return len(self.scores)

    def __getitem__(self, which: npt.NDArray[np.bool_] | npt.NDArray[np.intp] | slice) -> Detections:
        return Detections(self.boxes_xyxy[which], self.landmarks_xy[which], self.scores[which])

    def unscaled(self, scale: float) -> Detections:
        """The same faces in the picture that theirs was scaled from, by `scale`."""
        return Detections(self.boxes_xyxy / np.float32(scale), self.landmarks_xy / np.float32(scale), self.scores)

    def shifted(self, x: float, y: float) -> Detections:
        """The same faces, so many pixels to the right and down."""
        by = np.array([x, y], np.float32)
        return Detections(self.boxes_xyxy + np.tile(by, 2), self.landmarks_xy + by, self.scores)

    @classmethod
    def joined(cls, parts: Sequence[Detections]) -> Detections:
        """The faces of all `parts`, at least one, in their order."""
        boxes, landmarks, scores = zip(*((one.boxes_xyxy, one.landmarks_xy, one.scores) for one in parts), strict=True)
        return cls(np.concatenate(boxes), np.concatenate(landmarks), np.concatenate(scores))
