"""The recipe that tutorials teach, timed: HOG detector, 128 numbers per face, linear SVM, every frame anew.

    python bench/recipe.py VIDEO DATA FRAMES

Learns from the training side of the group in the folder DATA, then names the faces of FRAMES frames of VIDEO, spread
evenly and at full size. Prints, as JSON, for how many frames how long that took; learning and decoding do not count.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from sklearn.svm import SVC

from pipeline.images import read_still
from pipeline.records import SPLIT, TRAIN, Rgb
from pipeline.tables import read_table
from pipeline.video.decode import frames
from pipeline.video.probe import probe

NEEDED = ("dlib", "face_recognition_models")

Describe = Callable[[Rgb], list[np.ndarray]]
FULL_PX = 8192  # the recipe looks at frames as they are


def main(video: Path, data: Path, wanted: int) -> None:
    describe = describer()
    machine = learnt(data, describe)
    info = probe(video)
    count = sum(1 for _ in frames(info))
    every = max(1, count // wanted)
    wall_s, cpu_s, looked = 0.0, 0.0, 0
    for frame in frames(info):
        if frame.index % every == 0:
            wall, cpu = time.perf_counter(), time.process_time()
            if vectors := describe(frame.rgb(FULL_PX)):
                machine.predict(vectors)
            wall_s, cpu_s = wall_s + time.perf_counter() - wall, cpu_s + time.process_time() - cpu
            looked += 1
    print(json.dumps({"frames": looked, "wall_s": wall_s, "cpu_s": cpu_s}))


def is_there() -> bool:
    """Whether the two packages that the recipe needs are installed."""
    return all(importlib.util.find_spec(name) for name in NEEDED)


def learnt(data: Path, describe: Describe) -> SVC:
    split = read_table(data / "split.parquet", SPLIT)
    photos = split[split["side"] == TRAIN]
    found = [describe(read_still(data / "clean" / f"{key}.jpg")) for key in photos["key"]]
    pairs = [(member, vectors[0]) for member, vectors in zip(photos["member"], found, strict=True) if len(vectors) == 1]
    return SVC(kernel="linear", C=10).fit([vector for _, vector in pairs], [member for member, _ in pairs])


def describer() -> Describe:
    import dlib

    folder = Path(importlib.util.find_spec("face_recognition_models").origin).parent / "models"
    find = dlib.get_frontal_face_detector()
    shape = dlib.shape_predictor(str(folder / "shape_predictor_5_face_landmarks.dat"))
    network = dlib.face_recognition_model_v1(str(folder / "dlib_face_recognition_resnet_model_v1.dat"))

    def describe(rgb: Rgb) -> list[np.ndarray]:
        rgb = np.ascontiguousarray(rgb)
        return [np.array(network.compute_face_descriptor(rgb, shape(rgb, box))) for box in find(rgb, 1)]

    return describe


if __name__ == "__main__":
    if len(sys.argv) != 4:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
