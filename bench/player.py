"""Measures the player and the name subtitles on a made-up two-hour video: 24 frames a second, two faces on each.

    python bench/player.py [FOLDER]

Writes the exports into FOLDER (else a temporary one), then opens player.html in headless Chromium: prints how long the
export takes, how large the files are, when the first boxes are drawn, how long a jump takes until its boxes are, and
how far a name of names.ass strays from its face.
"""

from __future__ import annotations

import itertools
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import pandas as pd
import pysubs2
from playwright.sync_api import sync_playwright

from pipeline.images import encode_jpeg
from pipeline.records import LABELLED_FACES, NAMED_TRACKS
from pipeline.roster import COLOURS, Member, Roster
from pipeline.video.analyse import Analysis
from pipeline.video.exports import write_exports
from pipeline.video.labelled import labelled
from pipeline.video.probe import probe

FPS, HOURS, SHOT_S, MEMBERS, JUMPS = 24, 2, 3, 9, 20
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WAIT_FOR_BOXES = """time => new Promise((done) => {
    const video = document.getElementById("video"), canvas = document.getElementById("boxes");
    const began = performance.now();
    const drawn = () => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some((v) => v > 0);
    const look = () => !video.seeking && drawn() ? done(performance.now() - began) : requestAnimationFrame(look);
    if (time !== null) video.currentTime = time;
    requestAnimationFrame(look);
})"""


def main(folder: Path) -> None:
    source = folder / "two hours.mp4"
    make_video(source)
    roster = Roster("bench", tuple(Member(f"m{n}", f"member {n}", COLOURS[n]) for n in range(MEMBERS)))
    frames, faces = tables(roster)
    out = folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    started = time.perf_counter()
    video = labelled(faces, frames, probe(source), roster)
    write_exports(out, video, tracks_of(faces), analysis(frames, faces))
    print(f"export of {len(faces)} faces on {len(frames)} frames: {time.perf_counter() - started:.1f} s")
    chunks = [path.stat().st_size for path in (out / "player").glob("boxes-*.js")]
    print(
        f"player/: {len(chunks)} pieces of {np.mean(chunks) / 1e3:.0f} kB, {sum(chunks) / 1e6:.1f} MB in all; ", end=""
    )
    print(f"data.js {(out / 'player' / 'data.js').stat().st_size / 1e3:.0f} kB")
    print(f"names.ass: {(out / 'names.ass').stat().st_size / 1e6:.1f} MB; names.vtt: ", end="")
    print(
        f"{(out / 'names.vtt').stat().st_size / 1e3:.0f} kB; strays from its face: {strays(out, faces):.1f} px of 720"
    )
    watch(out / "player.html")


def make_video(path: Path) -> None:
    """Two hours of black: what is measured is the page, not the decoder."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-f", "lavfi"]
    command += ["-i", f"color=black:s=1280x720:r={FPS}:d=60", "-c:v", "libx264", "-preset", "ultrafast", "-g", "48"]
    minute = path.with_name("minute.mp4")
    subprocess.run([*command, str(minute)], check=True)
    looped = [
        "-stream_loop",
        str(60 * HOURS - 1),
        "-i",
        str(minute),
        "-c",
        "copy",
        "-movflags",
        "+faststart",
        str(path),
    ]
    subprocess.run([*command[:4], *looped], check=True)


def tables(roster: Roster) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Shots of SHOT_S seconds with two members each, who walk as faces do: smoothly, now and then faster."""
    count = HOURS * 3600 * FPS
    frame = np.arange(count)
    shot = frame // (SHOT_S * FPS)
    frames = pd.DataFrame({"frame": frame, "pts": frame, "time_s": frame / FPS, "shot": shot})
    rng = np.random.default_rng(1)
    sides = []
    for side in range(2):
        track = 2 * shot + side
        walk = rng.normal(size=(count, 2)).cumsum(axis=0)
        smooth = pd.DataFrame(walk).rolling(FPS, min_periods=1, center=True).mean().to_numpy()
        x, y = (150 * np.sin(smooth / 8) + [300 + 500 * side, 250]).T
        member = np.array(roster.keys)[(2 * shot + side * (1 + shot % (MEMBERS - 1))) % MEMBERS]
        box = {"x0": x, "y0": y, "x1": x + 110, "y1": y + 140}
        sides.append(frames.drop(columns="pts").assign(track=track, member=member, confidence=0.99, second="", **box))
    faces = pd.concat(sides).sort_values(["frame", "track"], kind="stable")
    faces = faces.assign(detection_score=1.0, interpolated=False, second_confidence=0.0)[LABELLED_FACES.names]
    return frames, faces


def tracks_of(faces: pd.DataFrame) -> pd.DataFrame:
    first = faces.drop_duplicates("track")
    return first.assign(person=first["track"]).reindex(columns=NAMED_TRACKS.names)


def analysis(frames: pd.DataFrame, faces: pd.DataFrame) -> Analysis:
    tracks = faces["track"].unique()
    crop = encode_jpeg(np.full((112, 112, 3), 128, np.uint8))
    samples = pd.DataFrame({"track": tracks, "frame": 0, "quality": np.float32(1), "crop_jpeg": crop})
    return Analysis(frames, pd.DataFrame(), samples, np.ones((len(tracks), 4), np.float32) / 2, {})


def strays(out: Path, faces: pd.DataFrame) -> float:
    """The furthest that a name is from the middle of its face, left or right, in the first ten minutes."""
    first = faces[faces["time_s"] < 600]
    middles = {(row.time_s, row.member): (row.x0 + row.x1) / 2 for row in first.itertuples()}
    worst = 0.0
    for event in pysubs2.load(str(out / "names.ass")):
        if event.start >= 600_000:
            break
        numbers = [int(number) for number in re.findall(r"-?\d+", event.text.partition("}")[0])[1:]]
        x0, x1 = (numbers[0], numbers[2]) if len(numbers) > 2 else (numbers[0], numbers[0])
        reach = (numbers[5] if len(numbers) > 4 else event.end - event.start) or 1
        member = f"m{int(event.style.split()[0]) - 1}"
        for frame in range(-(-event.start * FPS // 1000), event.end * FPS // 1000):
            at = x0 + (x1 - x0) * min(1.0, (frame / FPS * 1000 - event.start) / reach)
            worst = max(worst, abs(at - middles.get((frame / FPS, member), at)))
    return worst


def watch(page_path: Path) -> None:
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        opening, jumps = zip(*(once(browser, page_path) for _ in range(3)), strict=True)
        browser.close()
    print(f"opens with its first boxes in {statistics.median(opening):.2f} s (three times: {opening})")
    flat = sorted(itertools.chain(*jumps))
    print(f"a jump anywhere shows its boxes in {statistics.median(flat):.0f} ms, at worst {flat[-1]:.0f} ms")


def once(browser: Any, page_path: Path) -> tuple[float, list[float]]:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    started = time.perf_counter()
    page.goto(page_path.as_uri(), wait_until="commit")
    while not page.evaluate("typeof Boxes === 'function' && document.getElementById('video').readyState >= 2"):
        page.wait_for_timeout(20)
    page.evaluate(WAIT_FOR_BOXES, None)
    opened_s = round(time.perf_counter() - started, 2)
    times = np.random.default_rng(2).uniform(0, HOURS * 3600 - 1, JUMPS)
    jumps = [page.evaluate(WAIT_FOR_BOXES, float(time_s)) for time_s in times]
    page.close()
    return opened_s, jumps


if __name__ == "__main__":
    if len(sys.argv) > 2:
        raise SystemExit(__doc__)
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(sys.argv[1] if len(sys.argv) > 1 else temporary))
