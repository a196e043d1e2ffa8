"""Measures how well the boxes of videos stand on faces, against the detector run on every frame.

    python bench/boxes.py VIDEO [VIDEO ...]

Prints a row for each video: of the faces that the detector sees well (score 0.7 or more, and not too small for Lineup)
those that have no box; of the boxes those where it sees nothing at all (0.3). Of boxes and detections that are one
face: how far apart they are, in sides of the face (median and 95th percentile); how much a calm face's box, and its
detection, tremble (the second difference of their corners, median); by how many frames a moving one's box is behind
(median).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.layout import ANALYSES
from pipeline.models.detection import find_faces
from pipeline.models.embedder import OnnxEmbedder
from pipeline.models.geometry import iou_matrix
from pipeline.models.retinaface import RetinaFace
from pipeline.models.weights import chosen_detector, chosen_embedder
from pipeline.params import Params, read_params
from pipeline.progress import track
from pipeline.records import BOX, Float32, Float64
from pipeline.video.analyse import analysis_of
from pipeline.video.decode import frames
from pipeline.video.embedded import Networks
from pipeline.video.probe import probe
from pipeline.video.shot_faces import LONGER_SIDE_PX

WELL, SURE, AT_ALL = 0.7, 0.6, 0.3  # scores: of faces that need a box, that boxes are compared with, and of any
SAME_IOU, TOUCHES_IOU = 0.3, 0.1
CALM, MOVING = 0.02, 0.03  # sides of the face from one frame to the next
NO_MOVES = pd.DataFrame(columns=["pace", "trembles", "detection", "behind"], dtype=float)


def main(videos: list[Path]) -> None:
    params = read_params()
    networks = Networks(RetinaFace(chosen_detector(params.models)), OnnxEmbedder(chosen_embedder(params.models)))
    rows = {video.name: row(*measured(video, networks, params)) for video in track(videos, "videos")}
    print(pd.DataFrame.from_dict(rows, orient="index").to_string(float_format="%.3f"))


def measured(video: Path, networks: Networks, params: Params) -> tuple[dict[str, int], pd.DataFrame]:
    """How many faces and boxes there are, and with nothing there; each box that is on a detection, with that."""
    analysis, info = analysis_of(video, networks, params.analyse, ANALYSES, lambda _: None), probe(video)
    tracked = {int(str(frame)): rows for frame, rows in analysis.faces.groupby("frame")}
    count = dict.fromkeys(("faces", "without a box", "boxes", "on nothing"), 0)
    pairs: list[tuple[int, int, Float32, Float32]] = []
    for frame in frames(info):
        rgb = frame.rgb(LONGER_SIDE_PX)
        seen = find_faces(networks.detector, rgb, params.analyse.detect_side_px, AT_ALL)
        ours = tracked.get(frame.index, analysis.faces[:0])
        boxes_xyxy = ours[BOX].to_numpy(np.float32) * np.float32(rgb.shape[1] / info.width)
        overlaps = iou_matrix(boxes_xyxy, seen.boxes_xyxy)
        well = (seen.scores >= WELL) & (sides(seen.boxes_xyxy) >= params.analyse.min_face_px)
        count["faces"] += int(well.sum())
        count["without a box"] += int((overlaps[:, well].max(axis=0, initial=0.0) < SAME_IOU).sum())
        count["boxes"] += len(ours)
        count["on nothing"] += int((overlaps.max(axis=1, initial=0.0) < TOUCHES_IOU).sum())
        overlaps[:, seen.scores < SURE] = 0.0
        for one in np.flatnonzero(overlaps.max(axis=1, initial=0.0) >= SAME_IOU):
            detected = seen.boxes_xyxy[overlaps[one].argmax()]
            pairs.append((frame.index, int(ours["track"].iloc[one]), boxes_xyxy[one], detected))
    return count, pd.DataFrame(pairs, columns=["frame", "track", "ours", "detected"])


def row(count: dict[str, int], pairs: pd.DataFrame) -> dict[str, float]:
    """A line of the table."""
    ours, detected = (np.array(pairs[name].tolist(), np.float32).reshape(-1, 4) for name in ("ours", "detected"))
    apart = pd.Series(np.abs(ours - detected).max(axis=1) / sides(detected), dtype=float)
    moves = pd.concat([NO_MOVES, *(moves_of(rows) for _, rows in pairs.groupby("track"))])
    calm, moving = moves[moves["pace"] < CALM], moves[moves["pace"] > MOVING]
    return count | {
        "apart": apart.median(),
        "95 %": apart.quantile(0.95),
        "trembles": calm["trembles"].median(),
        "detection": calm["detection"].median(),
        "behind": moving["behind"].median(),
    }


def moves_of(rows: pd.DataFrame) -> pd.DataFrame:
    """How a track and its detections move, where they are on five frames that follow each other, at the middle one."""
    ours, detected = (np.array(rows[name].tolist(), np.float64) for name in ("ours", "detected"))
    follow = (rows["frame"].to_numpy()[4:] - rows["frame"].to_numpy()[:-4]) == 4
    side, step = sides(detected)[2:-2], (detected[4:] - detected[:-4]) / 4
    centre_step = (step[:, :2] + step[:, 2:]) / 2
    short = ((detected - ours)[2:-2, :2] + (detected - ours)[2:-2, 2:]) / 2
    with np.errstate(divide="ignore", invalid="ignore"):  # of a face that stands still, which is not asked for
        behind = (short * centre_step).sum(axis=1) / (centre_step**2).sum(axis=1)
    moves = {
        "pace": np.abs(step).max(axis=1) / side,
        "trembles": trembling(ours) / side,
        "detection": trembling(detected) / side,
        "behind": behind,
    }
    return pd.DataFrame(moves)[follow]


def trembling(boxes_xyxy: Float64) -> Float64:
    """The second difference of boxes (n, 4) that follow each other, the largest of the corners', (n - 4,)."""
    second: Float64 = np.abs(boxes_xyxy[3:-1] - 2 * boxes_xyxy[2:-2] + boxes_xyxy[1:-3]).max(axis=1)
    return second


def sides(boxes_xyxy: Float32 | Float64) -> Float64:
    """The shorter side of each box of (n, 4)."""
    shorter: Float64 = (boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]).min(axis=1).astype(np.float64)
    return shorter


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="boxes.py", description=__doc__.splitlines()[0])
    parser.add_argument("videos", type=Path, nargs="+", metavar="VIDEO")
    main(parser.parse_args().videos)
