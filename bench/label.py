"""Times labelling a video against a plain re-encode and against the usual frame-by-frame recipe, in one run.

    python bench/label.py VIDEO --group GROUP [--frames 40]

(a) ffmpeg re-encodes the video with the encoder and settings that Lineup takes, and copies the sound; (b) Lineup labels
it with nothing cached, again with the analysis cached, and again with another model; (c) recipe.py, what tutorials
teach, is timed on a sample of frames and scaled to the whole video. (c) needs two packages that Lineup does not:
pip install dlib-bin face_recognition_models. Memory is that of all processes of a run at the same moment. Prints tables
and, as its last line, the same as JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import imageio_ffmpeg
import psutil
import recipe

from flows.project import enter_project
from pipeline.classifiers.model import NAMES
from pipeline.files import write_json
from pipeline.params import Render, read_params
from pipeline.video import encoder
from pipeline.video.canvas import output_layout
from pipeline.video.decode import frames
from pipeline.video.probe import VideoInfo, probe

LOOK_EVERY_S = 0.05  # at the memory in use


@dataclass(frozen=True, slots=True)
class Timing:
    """`peak_mb` is the resident memory of all processes; `phases` the seconds that Lineup tells in run.json."""

    what: str
    wall_s: float
    cpu_s: float
    peak_mb: float
    frames: int
    phases: dict[str, float] = field(default_factory=dict)

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
    info = probe(video)
    count = sum(1 for _ in frames(info))
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        for name in ("params.yaml", "data"):
            (work / name).symlink_to(project / name)
        model = work / "models" / given.group
        shutil.copytree(project / "models" / given.group, model)
        plain = reencode(info, work / "plain.mp4", read_params().render, count)
        runs = [lineup(video, given.group, work, what, count) for what in ("Lineup", "Lineup, analysis cached")]
        change(model)
        runs.append(lineup(video, given.group, work, "Lineup, another model", count))
    by_recipe = recipe_of(video, project / "data" / given.group, given.frames, count) if recipe.is_there() else None
    report(plain, runs, by_recipe, float(info.average_fps))


def reencode(info: VideoInfo, out: Path, params: Render, count: int) -> Timing:
    layout = output_layout(info)
    name = encoder.choose(params, layout)
    settings = [word for key, value in encoder.options(name, params).items() for word in (f"-{key}", value)]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-v", "error", "-i", str(info.path)]
    command += ["-map", "0:v:0", "-map", "0:a?", "-c:v", name, *settings, "-pix_fmt", layout.pixel_format]
    timing, _ = timed(f"plain re-encode ({name})", [*command, "-c:a", "copy", str(out)], Path.cwd(), count)
    return timing


def lineup(video: Path, group: str, work: Path, what: str, count: int) -> Timing:
    command = [sys.executable, "-m", "pipeline.video.label", str(video), "--group", group, "--out", "labelled"]
    timing, told = timed(what, command, work, count)
    run = json.loads((work / json.loads(told)["folder"] / "run.json").read_text(encoding="utf-8"))
    return replace(timing, phases=run["seconds"])


def change(model: Path) -> None:
    """Turn the model into another one: the same photos, another of the classifiers that were tried."""
    numbers = json.loads((model / "model.json").read_text(encoding="utf-8"))
    others = [name for name in NAMES if name != numbers["classifier"] and any(model.glob(f"{name}.*"))]
    write_json(model / "model.json", numbers | {"classifier": others[0] if others else numbers["classifier"]})


def recipe_of(video: Path, data: Path, sampled: int, count: int) -> Timing:
    command = [sys.executable, recipe.__file__, str(video), str(data), str(sampled)]
    timing, told = timed("frame-by-frame recipe", command, Path.cwd(), count)
    done = json.loads(told)
    scale = count / done["frames"]
    what = f"{timing.what} (from {done['frames']} frames, no encoding)"
    return replace(timing, what=what, wall_s=done["wall_s"] * scale, cpu_s=done["cpu_s"] * scale)


def timed(what: str, command: list[str], folder: Path, count: int) -> tuple[Timing, str]:
    """Run a command to its end: what it took, and what it printed."""
    weights = os.environ.get("LINEUP_WEIGHTS", str(Path("models/weights").resolve()))
    searched = os.pathsep.join([str(Path.cwd()), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "LINEUP_WEIGHTS": weights, "PYTHONPATH": searched}
    peak, over = [0.0], threading.Event()
    with tempfile.TemporaryFile("w+", encoding="utf-8") as printed:
        started = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=printed)
        watch = threading.Thread(target=watched, args=(process.pid, peak, over))
        watch.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - started
        over.set()
        watch.join()
        printed.seek(0)
        told = printed.read()
    if status:
        raise SystemExit(f"{what} failed: {told}")
    return Timing(what, wall_s, usage.ru_utime + usage.ru_stime, peak[0], count), told


def watched(pid: int, peak: list[float], over: threading.Event) -> None:
    """Keep in `peak` the most memory, in MB, that the process and all below it had at one time."""
    while not over.wait(LOOK_EVERY_S):
        try:
            process = psutil.Process(pid)
            tree = [process, *process.children(recursive=True)]
            peak[0] = max(peak[0], sum(one.memory_info().rss for one in tree) / 2**20)
        except psutil.Error:  # one of them has just ended
            continue


def report(plain: Timing, runs: list[Timing], by_recipe: Timing | None, video_fps: float) -> None:
    timings = [plain, *runs, *([by_recipe] if by_recipe else [])]
    print(f"{'':58} {'s':>8} {'cpu s':>8} {'frames/s':>9} {'x real time':>12} {'x re-encode':>12} {'MB':>6}")
    for timing in timings:
        speed = f"{timing.fps:9.1f} {timing.fps / video_fps:12.2f} {timing.wall_s / plain.wall_s:12.2f}"
        print(f"{timing.what:58} {timing.wall_s:8.1f} {timing.cpu_s:8.1f} {speed} {timing.peak_mb:6.0f}")
    print(f"\n{'seconds per phase':58} " + " ".join(f"{phase:>9}" for phase in (*runs[0].phases, "start-up")))
    for timing in runs:
        start_up_s = timing.wall_s - sum(timing.phases.values())
        print(f"{timing.what:58} " + " ".join(f"{seconds:9.2f}" for seconds in (*timing.phases.values(), start_up_s)))
    first, *_, other = (sum(run.phases.values()) - run.phases["render"] for run in runs)
    print(f"\nrender left out, another model takes {other / first:.3f} of the first run's time")
    if by_recipe:
        print(f"Lineup, nothing cached, is {by_recipe.wall_s / runs[0].wall_s:.1f} times as fast as the recipe")
    else:
        print("the recipe was not timed: pip install dlib-bin face_recognition_models", file=sys.stderr)
    print(json.dumps([asdict(timing) for timing in timings]))


if __name__ == "__main__":
    main()
