"""A second of the sample's video, around the cut from juno and tavi to soren, in the forms that videos come in."""

from __future__ import annotations

import atexit
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import imageio_ffmpeg
from conftest import ROOT

FOLDER = Path(tempfile.mkdtemp(prefix="lineup-excerpts-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
(SAMPLE,) = (ROOT / "data" / "sample" / "videos").glob("*.mp4")

FRAMES, CUT = 24, 12
H264 = "-c:v libx264 -preset ultrafast -crf 18 -pix_fmt yuv420p"
RECIPES = {
    "plain.mp4": f"-ss 5.5 -i sample.mp4 -t 1 {H264} -c:a aac",
    "mirrored.mp4": f"-i plain.mp4 -vf hflip {H264} -c:a copy",
    "no-sound.mkv": "-i plain.mp4 -an -c:v copy",
    "sideways.mp4": f"-i plain.mp4 -vf transpose=clock {H264} -c:a copy",
    "rotated-90.mp4": "-display_rotation 90 -i sideways.mp4 -c copy",
    "odd.mp4": "-i plain.mp4 -vf format=yuv444p,crop=639:359 -c:v libx264 -preset ultrafast -crf 18 -c:a copy",
    "vfr.mp4": f"-i plain.mp4 -vf select='not(between(n,5,7)+eq(n,18))' -fps_mode vfr {H264} -c:a copy",
    "10-bit.mp4": "-i plain.mp4 -pix_fmt yuv420p10le -c:v libx265 -preset ultrafast -x265-params log-level=0 -c:a copy",
    "no-face.mp4": f"-i plain.mp4 -vf drawbox=t=fill:c=gray {H264} -c:a copy",
    "one-frame.mp4": f"-i plain.mp4 -frames:v 1 {H264} -an",
    "large.mp4": f"-i plain.mp4 -vf scale=1920:1080 {H264} -c:a copy",
    "vorbis.webm": "-i plain.mp4 -c:v libvpx -cpu-used 8 -deadline realtime -b:v 2M -c:a libvorbis",
    "faststart.mp4": "-i plain.mp4 -c copy -movflags +faststart",
    "plain.ts": "-i plain.mp4 -c copy",
    "only-sound.m4a": "-i plain.mp4 -vn -c:a copy",
}


@cache
def excerpt(name: str) -> Path:
    """The form of this name, made by the real ffmpeg when a test first asks for it."""
    if name == "sample.mp4":
        return SAMPLE
    arguments = [str(excerpt(word)) if word in {*RECIPES, "sample.mp4"} else word for word in RECIPES[name].split(" ")]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", *arguments, name]
    subprocess.run(command, check=True, capture_output=True, cwd=FOLDER)
    return FOLDER / name
