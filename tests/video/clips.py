"""Small real videos, made by the real ffmpeg when a test first asks for them, and its own word on what is in them."""

from __future__ import annotations

import atexit
import shutil
import struct
import subprocess
import tempfile
from fractions import Fraction
from functools import cache
from pathlib import Path

import imageio_ffmpeg
import numpy as np

from pipeline.params import Render

QUICK = Render(crf=30, preset="ultrafast", encoder="auto", style="box", unknowns="box")
FOLDER = Path(tempfile.mkdtemp(prefix="lineup-clips-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)

PICTURES = "-f lavfi -i testsrc2=s=96x64:r=24:d=1"
SOUND = "-f lavfi -i sine=d=1:r=44100"
BEEP = "-f lavfi -i aevalsrc=sin(2764*t)*gte(t\\,0.5):d=1:s=48000"
LATE_BEEP = "-f lavfi -i aevalsrc=sin(2764*t)*gte(t\\,3.5):d=4:s=44100"
H264 = "-pix_fmt yuv420p -c:v libx264"
BARS = "-f lavfi -i smptehdbars=s=96x64:r=24:d=0.25"
GAPS = "-vf select='not(between(n,5,7)+eq(n,11)+between(n,15,19))' -fps_mode vfr"
BROADCAST_S = 36000
ONCE = 0x10000  # an edit list's word for the speed of a piece, in 65536ths

RECIPES = {
    "24.mp4": f"{PICTURES} {SOUND} {H264} -c:a aac",
    "23.976.mp4": f"-f lavfi -i testsrc2=s=96x64:r=24000/1001:d=1 {SOUND} {H264} -c:a aac",
    "60.mp4": f"-f lavfi -i testsrc2=s=96x64:r=60:d=1 {SOUND} {H264} -c:a aac",
    "vfr.mp4": f"{PICTURES} {SOUND} {H264} {GAPS} -c:a aac",
    "vfr-90k.mp4": f"{PICTURES} {SOUND} {H264} -vf setpts=PTS+random(0)*0.3/24/TB,settb=1/90000 -fps_mode passthrough "
    "-enc_time_base 1:90000 -c:a aac",
    "b-frames.mp4": f"{PICTURES} {SOUND} {H264} -bf 4 -b_strategy 0 -c:a aac",
    "no-edit-list.mp4": f"{PICTURES} {SOUND} {H264} -bf 4 -use_editlist 0 -c:a aac",
    "edit-list.mp4": "-ss 0.4 -i 24.mp4 -c copy",
    "odd.mp4": f"-f lavfi -i testsrc=s=97x65:r=24:d=1 {SOUND} -pix_fmt yuv444p -c:v libx264 -c:a aac",
    "odd.webm": f"-f lavfi -i testsrc=s=97x65:r=24:d=1 {SOUND} -pix_fmt yuv420p -c:v libvpx-vp9 -c:a libopus",
    "10-bit.mp4": f"{PICTURES} {SOUND} -pix_fmt yuv420p10le -c:v libx265 -x265-params log-level=none -c:a aac",
    "no-sound.mp4": f"{PICTURES} {H264}",
    "two-tracks.mp4": f"{PICTURES} {SOUND} -f lavfi -i sine=f=880:d=1:r=48000 {H264} -map 0 -map 1 -map 2 "
    "-c:a:0 aac -c:a:1 libmp3lame",
    "before-pieces.mp4": f"-itsoffset 1 -f lavfi -i testsrc2=s=96x64:r=24:d=4 -itsoffset 1 {LATE_BEEP} {H264} "
    "-bf 0 -c:a aac -movie_timescale 1000",  # an edit list of two entries
    "late-sound.mp4": f"{PICTURES} -itsoffset 0.7 {SOUND} {H264} -c:a aac",
    "late-pictures.mp4": f"-itsoffset 0.5 {PICTURES} {SOUND} -map 0 -map 1 {H264} -c:a aac",
    "h264-aac.mkv": f"{PICTURES} {SOUND} {H264} -c:a aac",
    "h264-aac.flv": f"{PICTURES} {SOUND} {H264} -c:a aac",
    "wmv2.wmv": f"{PICTURES} {SOUND} -c:v wmv2 -c:a wmav2",
    "longer-sound.mkv": f"{PICTURES} -f lavfi -i sine=d=3:r=44100 {H264} -c:a aac",
    "live.mkv": "-i h264-aac.mkv -c copy -live 1",
    "flac.mkv": f"{PICTURES} {SOUND} {H264} -c:a flac",
    "vp9-opus.webm": f"{PICTURES} {SOUND} -c:v libvpx-vp9 -c:a libopus",
    "vp8-vorbis.webm": f"{PICTURES} {SOUND} -c:v libvpx -c:a libvorbis",
    "pcm.mov": f"{PICTURES} {SOUND} {H264} -c:a pcm_s16le",
    "h264-pcm.avi": f"{PICTURES} {SOUND} {H264} -bf 2 -c:a pcm_s16le",
    "xvid-mp3.avi": f"{PICTURES} {SOUND} -c:v mpeg4 -bf 2 -c:a libmp3lame",
    "aac.ts": f"{PICTURES} {SOUND} {H264} -c:a aac",
    "ac3.ts": f"{PICTURES} {SOUND} {H264} -c:a ac3",
    "broadcast.ts": f"-itsoffset {BROADCAST_S} {PICTURES} -itsoffset {BROADCAST_S} {SOUND} {H264} -c:a aac",
    "clock-wraps.ts": f"-itsoffset 95441.8 {PICTURES} -itsoffset 95441.8 {SOUND} {H264} -c:a aac",  # 33 bits of 90 kHz
    "mpeg2.mpg": f"{PICTURES} {SOUND} -c:v mpeg2video -c:a mp2",
    "animation.gif": f"{PICTURES}",
    "raw.h264": "-i 24.mp4 -c copy -bsf:v h264_mp4toannexb -an",
    "doubled-pts.mkv": f"{PICTURES} -c:v mjpeg -bsf:v setts=ts=floor(N/2)*2",
    "vfr.ts": f"{PICTURES} {SOUND} {H264} -bf 0 {GAPS} -c:a aac",
    "other-streams.ts": f"{PICTURES} {H264} -mpegts_start_pid 768 -mpegts_service_id 7 -mpegts_pmt_start_pid 1280",
    "rare-matrix.mp4": f"{BARS} -pix_fmt yuv420p -c:v libx264 -x264-params colormatrix=YCgCo",
    "wide-pixels.mp4": f"{PICTURES} {H264} -vf setsar=4/3",
    "wide-pixels-turned.mp4": "-display_rotation 90 -i wide-pixels.mp4 -c copy",
    "turned-90.mp4": "-display_rotation 90 -i 24.mp4 -c copy",
    "turned-180.mp4": "-display_rotation 180 -i 24.mp4 -c copy",
    "turned-270.mp4": "-display_rotation 270 -i 24.mp4 -c copy",
    "mirrored.mp4": "-display_hflip -i 24.mp4 -c copy",
    "turned-90-mirrored.mp4": "-display_rotation 90 -display_hflip -i 24.mp4 -c copy",
    "bt709.mp4": f"{BARS} -vf scale=out_color_matrix=bt709,format=yuv420p -c:v libx264 -crf 5 "
    "-x264-params colorprim=bt709:transfer=bt709:colormatrix=bt709",
    "bt601.mp4": f"{BARS} -vf scale=out_color_matrix=bt601,format=yuv420p -c:v libx264 -crf 5 "
    "-x264-params colorprim=smpte170m:transfer=smpte170m:colormatrix=smpte170m",
    "full-range.mp4": f"{BARS} -vf scale=out_range=full,format=yuv420p -color_range pc -c:v libx264 -crf 5",
    "hdr.mp4": f"{BARS} -vf scale=out_color_matrix=bt2020,format=yuv420p10le -c:v libx265 -crf 5 "
    "-x265-params log-level=none:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc",
    "hlg.mp4": f"{BARS} -vf scale=out_color_matrix=bt2020,format=yuv420p10le -c:v libx265 -crf 5 "
    "-x265-params log-level=none:colorprim=bt2020:transfer=arib-std-b67:colormatrix=bt2020nc",
    "hdr-in-8-bit.mp4": f"{BARS} -vf scale=out_color_matrix=bt2020,format=yuv420p -c:v libx264 -crf 5 "
    "-x264-params colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc",
    "rgb.mkv": f"{BARS} -pix_fmt bgr0 -c:v ffv1",
    "beep-pcm.mov": f"{PICTURES} {BEEP} {H264} -c:a pcm_s16le",
    "beep-late-vorbis.mkv": f"{PICTURES} -itsoffset 0.3 {BEEP} {H264} -c:a libvorbis",
    "song.mp3": f"{SOUND} -c:a libmp3lame",
    "cover.png": f"{PICTURES} -frames:v 1",
    "song-with-cover.m4a": f"{SOUND} -i cover.png -map 0 -map 1 -c:a aac -c:v copy -disposition:v attached_pic",
    "large-cover.png": "-f lavfi -i testsrc2=s=200x200 -frames:v 1",
    "clip-with-cover.mp4": "-i 24.mp4 -i large-cover.png -map 0 -map 1 -c copy -disposition:v:1 attached_pic",
    "faststart.mp4": "-i 24.mp4 -c copy -movflags +faststart",
}


@cache
def clip(name: str) -> Path:
    """The video of this name in RECIPES, about a second long."""
    arguments = RECIPES[name].split(" ")
    for argument in arguments:
        if argument in RECIPES:
            clip(argument)
    ffmpeg(*arguments, name)
    return FOLDER / name


@cache
def in_pieces() -> Path:
    """Two pieces by the edit list, both of a second: from 0 s and from 3 s of what is stored, its beep at 1.5 s."""
    content, at = bytearray(clip("before-pieces.mp4").read_bytes()), 0
    for ticks_per_s, start in ((12288, 0), (44100, 1024)):  # the encoder's run-up is not heard
        at = content.index(b"elst", at + 1)
        struct.pack_into(">IiIIiI", content, at + 12, 1000, start, ONCE, 1000, start + 3 * ticks_per_s, ONCE)
    path = FOLDER / "pieces.mp4"
    path.write_bytes(content)
    return path


def ffmpeg(*arguments: str | Path) -> bytes:
    """Run ffmpeg in FOLDER; its standard output."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, cwd=FOLDER).stdout


def frame_times(path: Path) -> list[Fraction]:
    """The presentation times of all frames in seconds, as ffmpeg itself decodes them."""
    pictures = ("-map", "0:v:0", "-fps_mode", "passthrough", "-enc_time_base", "demux", "-c:v", "rawvideo")
    lines = ffmpeg("-copyts", "-i", path, *pictures, "-f", "framecrc", "-").decode().splitlines()
    time_base = next(Fraction(line.split()[-1]) for line in lines if line.startswith("#tb"))
    return [int(line.split(",")[2]) * time_base for line in lines if not line.startswith("#")]


def rgb_of(path: Path, width: int, height: int) -> np.ndarray:
    """All frames (n, h, w, 3) as ffmpeg itself shows them, upright."""
    raw = ("-map", "0:v:0", "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
    return np.frombuffer(ffmpeg("-i", path, *raw), np.uint8).reshape(-1, height, width, 3)
