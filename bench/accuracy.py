"""Measures what each part of naming adds, on videos whose faces are known.

    python bench/accuracy.py CASES.csv

CASES.csv has the columns set, group, video, truth: a row is a video that is named with the model of a group (run this
in the project's folder) and scored against a CSV of true faces. Shares are means over the rows of one set, counts sums.

per frame     every face of every frame is embedded and named alone: the most likely member, if likely enough
+ tracks      as many faces as Lineup embeds of each track, pooled; the track is named alone
+ linking     the tracks of one person are pooled, across shots
+ joint       one name once per frame, all tracks named together
+ own faces   who is surely named lends the others of the video its faces: all that `lineup label` does
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.assign import assign, together
from pipeline.classifiers.model import THRESHOLD, Model, load_whole
from pipeline.evaluation.score import Score, score_faces
from pipeline.evaluation.truth import read_truth
from pipeline.layout import ANALYSES
from pipeline.models.detection import find_faces, second_look
from pipeline.models.embedder import OnnxEmbedder, embed_faces
from pipeline.models.geometry import align
from pipeline.models.retinaface import RetinaFace
from pipeline.models.weights import chosen_detector, chosen_embedder
from pipeline.params import Analyse, read_params
from pipeline.progress import track
from pipeline.records import BOX, UNKNOWN
from pipeline.video.analyse import Analysis, analysis_of
from pipeline.video.decode import frames
from pipeline.video.embedded import Networks
from pipeline.video.identify import identify, persons_of, pool
from pipeline.video.probe import probe
from pipeline.video.shot_faces import LONGER_SIDE_PX

SHOWN = ["found", "named", "precision", "false", "twice", "switches"]


def main(cases: Path) -> None:
    params = read_params()
    networks = Networks(RetinaFace(chosen_detector(params.models)), OnnxEmbedder(chosen_embedder(params.models)))
    rows = []
    table = pd.read_csv(cases, dtype=str, keep_default_na=False)
    for video, same in track(list(table.groupby("video")), "videos"):
        analysis = analysis_of(Path(video), networks, params.analyse, ANALYSES, lambda _: None)
        alone = every_face(Path(video), networks, params.analyse)
        for case in same.itertuples():
            model, true = load_whole(Path("models") / case.group, params), read_truth(Path(case.truth))
            for what, faces in named_by_each(analysis, *alone, model).items():
                rows.append({"set": case.set, "names": what} | asdict(score_faces(faces, true).total))
    report(pd.DataFrame(rows))


def every_face(video: Path, networks: Networks, params: Analyse) -> tuple[pd.DataFrame, np.ndarray]:
    """Faces of every frame, looked for and embedded as `analyse` does, and a vector of each."""
    info = probe(video)
    to_source = max(1.0, max(info.width, info.height) / LONGER_SIDE_PX)
    rows, vectors = [], [np.empty((0, networks.embedder.dimensions), np.float32)]
    for frame in frames(info):
        rgb = frame.rgb(LONGER_SIDE_PX)
        faces = find_faces(networks.detector, rgb, params.detect_side_px, params.min_score)
        sides = (faces.boxes_xyxy[:, 2:] - faces.boxes_xyxy[:, :2]).min(axis=1, initial=np.inf)
        faces = faces[sides >= params.min_face_px]
        crops = [
            align(rgb, second_look(networks.detector, rgb, box, landmarks))
            for box, landmarks in zip(faces.boxes_xyxy, faces.landmarks_xy, strict=True)
        ]
        if crops:
            vectors.append(embed_faces(networks.embedder, np.stack(crops)))
        rows += [{"frame": frame.index, **dict(zip(BOX, box * to_source, strict=True))} for box in faces.boxes_xyxy]
    return pd.DataFrame(rows, columns=["frame", *BOX]), np.concatenate(vectors)


def named_by_each(
    analysis: Analysis, faces: pd.DataFrame, vectors: np.ndarray, model: Model
) -> dict[str, pd.DataFrame]:
    """The named faces that each part, added to those before it, gives."""
    tracked = analysis.faces
    meetings, frames_of = together(tracked), np.bincount(tracked["track"].to_numpy())
    owner, quality = (analysis.samples[name].to_numpy() for name in ("track", "quality"))
    persons = persons_of(analysis, model, meetings, len(frames_of))
    pooled = most_likely(model.predict(pool(analysis.vectors, quality, owner, len(frames_of))))
    linked = most_likely(persons.alone)[persons.of_track]
    joint = assign(persons.among_others[persons.of_track], frames_of, meetings, THRESHOLD)
    keys = np.array([*model.members, UNKNOWN], object)
    return {
        "per frame": faces.assign(member=keys[most_likely(model.predict(vectors))]),
        "+ tracks": tracked.assign(member=keys[pooled[tracked["track"]]]),
        "+ linking": tracked.assign(member=keys[linked[tracked["track"]]]),
        "+ joint": tracked.assign(member=keys[joint[tracked["track"]]]),
        "+ own faces": identify(analysis, model, THRESHOLD).faces,
    }


def most_likely(confidences: np.ndarray) -> np.ndarray:
    """The most likely member of each row, -1 when that is not likely enough."""
    return np.where(confidences.max(axis=1) >= THRESHOLD, confidences.argmax(axis=1), -1)


def report(scores: pd.DataFrame) -> None:
    counts = [name for name in SHOWN if Score.__annotations__[name] == "int"]
    means = scores.groupby(["set", "names"], sort=False)[SHOWN].agg(
        {name: "sum" if name in counts else "mean" for name in SHOWN}
    )
    print(means.to_string(float_format="{:.4f}".format))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))
