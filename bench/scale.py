"""Measures what a group costs by its size, and what one percent more costs: clean, faces and embed.

    python bench/scale.py PHOTOS [COUNT...]

PHOTOS holds a folder of photos per member. For each COUNT (500 2000 8000) it makes as many altered copies: turned,
on other backgrounds, in other light and quality, so that none is a near-duplicate of another. Prints of the three
stages, each a process of its own, seconds by the clock and of all cores, peak memory, the seconds for one percent more,
and the ratios. On a machine that does other things too only the seconds of the cores compare.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from pipeline.errors import LineupError
from pipeline.images import read_small
from pipeline.intake import import_photos
from pipeline.params import PARAMS_FILE
from pipeline.progress import track

SIDE_PX = 800
STAGES = ("clean", "faces", "embed")
ROOT = Path(__file__).parent.parent


def main(photos: Path, counts: list[int]) -> None:
    names = ("photos", "stage", "s", "core s", "core ms each", "peak MB", "1 % more, s", "core s", "ratio", "of cores")
    print(*(f"{name:>12}" for name in names), flush=True)
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            measure(photos, count, Path(folder))


def measure(photos: Path, count: int, folder: Path) -> None:
    shutil.copy(PARAMS_FILE, folder)
    data = folder / "data" / "group"
    more = max(1, count // 100)
    copies = altered(photos)
    rounds = []
    for number in (count, more):
        for path, image, quality in islice(track(copies, "copies", number), number):
            path = folder / "photos" / path
            path.parent.mkdir(parents=True, exist_ok=True)
            image.save(path, quality=quality)
        import_photos(folder / "photos", data)
        rounds.append([timed(stage, folder) for stage in STAGES])
    rounds = [[*figures, tuple(map(sum, zip(*figures, strict=True)))] for figures in rounds]
    for stage, whole, later in zip((*STAGES, "all"), *rounds, strict=True):
        print_row(count, stage, whole, later)


def print_row(count: int, stage: str, whole: tuple, later: tuple) -> None:
    (wall_s, core_s, peak_mb), (more_s, more_core_s, _) = whole, later
    peak = f"{peak_mb:.0f}" if stage in STAGES else ""
    figures = [f"{wall_s:.1f}", f"{core_s:.1f}", f"{core_s / count * 1000:.1f}", peak]
    figures += [f"{more_s:.1f}", f"{more_core_s:.1f}", f"{more_s / wall_s:.3f}", f"{more_core_s / core_s:.3f}"]
    print(*(f"{figure:>12}" for figure in (count, stage, *figures)), flush=True)


def altered(photos: Path):
    """Altered copies without end: path below the photos' folder, picture, JPEG quality."""
    rng = np.random.default_rng(0)
    sources = sorted(path for path in photos.glob("*/**/*") if path.is_file())
    for turn in range(1_000_000):
        for number, source in enumerate(sources):
            try:
                image = Image.fromarray(read_small(source, SIDE_PX))
            except LineupError:
                continue
            name = Path(source.relative_to(photos).parts[0]) / f"{number}-{turn}.jpg"
            yield name, changed(image, rng), int(rng.integers(60, 96))


def changed(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """The picture turned a little, on a background of its own: the hash of the whole differs, the faces stay."""
    width, height = image.size
    ground = rng.integers(0, 256, (3, 4, 3), dtype=np.uint8)
    canvas = Image.fromarray(ground).resize((round(width * 1.3), round(height * 1.3)), Image.Resampling.BICUBIC)
    layer = image.point(lambda level: level * rng.uniform(0.8, 1.1)).convert("RGBA")
    layer = layer.rotate(rng.uniform(-12, 12), Image.Resampling.BILINEAR, expand=True)
    place = (int(rng.integers(0, round(width * 0.25) + 1)), int(rng.integers(0, round(height * 0.25) + 1)))
    canvas.paste(layer, place, layer)
    return canvas


def timed(stage: str, folder: Path) -> tuple[float, float, float]:
    """Seconds by the clock and of all cores, and peak megabytes, of a stage in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", f"pipeline.{stage}", "data/group"], cwd=folder, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"stage {stage} failed")
    return time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]), [int(count) for count in sys.argv[2:]] or [500, 2000, 8000])
