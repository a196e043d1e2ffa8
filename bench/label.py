"""Times labelling a video against a plain re-encode and against the usual frame-by-frame recipe, in one run.

    python bench/label.py VIDEO --group GROUP [--frames 40]

(a) ffmpeg re-encodes the video with the settings of params.yaml and copies the sound; (b) Lineup labels it with nothing
cached, then again with the analysis cached; (c) on a sample of frames, the recipe that tutorials teach: HOG detector,
128 numbers per face, linear SVM, every frame anew. (c) needs two packages that Lineup does not:
pip install dlib-bin face_recognition_models. Prints a table and, as its last line, the same as JSON.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from sklearn.svm import SVC

from flows.project import enter_project
from pipeline.images import read_still
from pipeline.params import Render, read_params
from pipeline.records import SPLIT
from pipeline.side import TRAIN
from pipeline.tables import read_table
from pipeline.video.decode import frames, probe


@dataclass(frozen=True, slots=True)
class Timing:
    what: str
    wall_s: float
    cpu_s: float
    peak_mb: float
    frames: int

    @property
    def fps(self) -> float:
        return self.frames / self.wall_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path)
    parser.add_argument("--group", required=True)
    parser.add_argument("--frames", type=int, default=40, help="how many frames of the recipe are timed")
    given = parser.parse_args()
    video = given.video.resolve()
    project = enter_project()
    info, count = probe(video), sum(1 for _ in frames(video))
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        for name in ("params.yaml", "data", "models"):
            (work / name).symlink_to(project / name)
        timings = [
            reencode(video, work / "plain.mp4", read_params().render, count),
            lineup(video, given.group, work, "Lineup", count),
            lineup(video, given.group, work, "Lineup, analysis cached", count),
        ]
        seconds = json.loads(next(work.glob("labelled/*/run.json")).read_text())["seconds"]
    if importlib.util.find_spec("dlib") and importlib.util.find_spec("face_recognition_models"):
        timings.append(recipe(video, Path("data") / given.group, given.frames, count))
    else:
        print("the recipe is not measured: pip install dlib-bin face_recognition_models", file=sys.stderr)
    report(timings, float(info.average_fps), seconds)


def reencode(video: Path, out: Path, params: Render, count: int) -> Timing:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-v", "error", "-i", str(video), "-map", "0:v:0", "-map", "0:a?"]
    command += ["-c:v", "libx264", "-preset", params.preset, "-crf", str(params.crf), "-pix_fmt", "yuv420p"]
    return timed("plain re-encode", [*command, "-c:a", "copy", str(out)], Path.cwd(), count)


def lineup(video: Path, group: str, work: Path, what: str, count: int) -> Timing:
    command = [sys.executable, "-m", "pipeline.video.label", str(video), "--group", group, "--out", "labelled"]
    return timed(what, command, work, count)


def timed(what: str, command: list[str], folder: Path, count: int) -> Timing:
    weights = os.environ.get("LINEUP_WEIGHTS", str(Path("models/weights").resolve()))
    environment = {**os.environ, "LINEUP_WEIGHTS": weights, "PYTHONPATH": str(Path.cwd())}
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall_s = time.perf_counter() - started
    if status:
        raise SystemExit(f"{what} failed")
    return Timing(what, wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, count)


def recipe(video: Path, data: Path, sampled: int, count: int) -> Timing:
    """Every `count / sampled`-th frame at full size, each face described and classified; scaled to the whole video."""
    describe = dlib_describer()
    split = read_table(data / "split.parquet", SPLIT)
    learnt = [
        (row.member, describe(read_still(data / "clean" / f"{row.key}.jpg")))
        for row in split.itertuples()
        if row.side == TRAIN
    ]
    pairs = [(member, vectors[0]) for member, vectors in learnt if len(vectors) == 1]
    machine = SVC(kernel="linear", C=10).fit([vector for _, vector in pairs], [m for m, _ in pairs])
    every = max(1, count // sampled)
    pictures = [frame.rgb(4096) for frame in frames(video) if frame.index % every == 0]
    wall, cpu = time.perf_counter(), time.process_time()
    for picture in pictures:
        if vectors := describe(picture):
            machine.predict(vectors)
    scale = count / len(pictures)
    wall_s, cpu_s = (time.perf_counter() - wall) * scale, (time.process_time() - cpu) * scale
    return Timing(
        f"frame-by-frame recipe (from {len(pictures)} frames, no encoding)", wall_s, cpu_s, float("nan"), count
    )


def dlib_describer():
    import dlib

    folder = Path(importlib.util.find_spec("face_recognition_models").origin).parent / "models"
    find = dlib.get_frontal_face_detector()
    shape = dlib.shape_predictor(str(folder / "shape_predictor_5_face_landmarks.dat"))
    network = dlib.face_recognition_model_v1(str(folder / "dlib_face_recognition_resnet_model_v1.dat"))

    def describe(rgb) -> list[np.ndarray]:
        rgb = np.ascontiguousarray(rgb)
        return [np.array(network.compute_face_descriptor(rgb, shape(rgb, box))) for box in find(rgb, 1)]

    return describe


def report(timings: list[Timing], video_fps: float, seconds: dict[str, float]) -> None:
    plain = timings[0]
    print(f"{'':58} {'s':>8} {'cpu s':>8} {'frames/s':>9} {'x real time':>12} {'x re-encode':>12} {'MB':>6}")
    for timing in timings:
        speed = f"{timing.fps:9.1f} {timing.fps / video_fps:12.2f} {timing.wall_s / plain.wall_s:12.2f}"
        print(f"{timing.what:58} {timing.wall_s:8.1f} {timing.cpu_s:8.1f} {speed} {timing.peak_mb:6.0f}")
    if len(timings) > 3:
        print(f"Lineup is {timings[3].wall_s / timings[1].wall_s:.1f} times as fast as the recipe")
    print("seconds per phase, analysis cached:", seconds)
    print(json.dumps([asdict(timing) for timing in timings]))


if __name__ == "__main__":
    main()
