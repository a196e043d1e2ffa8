"""Measures what helps vectors of one person to come together: a second look at the landmarks, mirror images.

    python bench/faces.py PHOTOS

PHOTOS holds a folder of photos per person. Pairs of photos of one folder are compared with pairs of two: prints, for
each way of making vectors, the share of same-person pairs that are more alike than 99 % of the others. Labels may be
dirty: only the order of the rows tells.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from pipeline.errors import LineupError
from pipeline.images import read_small
from pipeline.models.detection import find_faces_in_photo, second_look
from pipeline.models.embedder import OnnxEmbedder, embed_faces
from pipeline.models.geometry import align, areas
from pipeline.models.retinaface import RetinaFace
from pipeline.models.weights import named
from pipeline.progress import track

SIDE_PX = 1280


def main(photos: Path) -> None:
    detector, embedder = RetinaFace(named("retinaface-mobilenet")), OnnxEmbedder(named("sface"))
    people, once, twice = [], [], []
    for path in track(sorted(path for path in photos.glob("*/**/*") if path.is_file()), "faces"):
        try:
            rgb = read_small(path, SIDE_PX)
        except LineupError:
            continue
        faces = find_faces_in_photo(detector, rgb, 640, 0.8)
        if not len(faces) or np.sum(areas(faces.boxes_xyxy) > 0.4 * areas(faces.boxes_xyxy).max()) > 1:
            continue
        largest = int(areas(faces.boxes_xyxy).argmax())
        box, landmarks = faces.boxes_xyxy[largest], faces.landmarks_xy[largest]
        people.append(path.relative_to(photos).parts[0])
        once.append(align(rgb, landmarks))
        twice.append(align(rgb, second_look(detector, rgb, box, landmarks)))
    person = np.array(people)
    print(f"{len(person)} photos of {len(set(people))} people")
    for name, vectors in {
        "one look, no mirror image": embedder.embed(np.stack(once)),
        "one look, mirror image": embed_faces(embedder, np.stack(once)),
        "two looks, no mirror image": embedder.embed(np.stack(twice)),
        "two looks, mirror image": embed_faces(embedder, np.stack(twice)),
    }.items():
        print(f"{name:30} {recognised(vectors, person):.3f}")


def recognised(vectors: np.ndarray, person: np.ndarray) -> float:
    first, second = np.triu_indices(len(person), 1)
    likeness, same = (vectors @ vectors.T)[first, second], person[first] == person[second]
    return float((likeness[same] > np.quantile(likeness[~same], 0.99)).mean())


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))
