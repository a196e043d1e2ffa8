"""Fan-cams: the right frames at exactly their times, the sound with them to the sample, the member in the crop."""

from __future__ import annotations

import csv
import wave
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from clips import FOLDER, QUICK, clip, ffmpeg, frame_times, rgb_of
from fakes import GREEN, HEIGHT, RED, SIDE_PX, WIDTH, picture, write_video

from pipeline.errors import DatasetError, ParamsError
from pipeline.params import Fancam, Params
from pipeline.records import BOX, LABELLED_FACES
from pipeline.roster import Member, Roster
from pipeline.video import fancam as fancam_module
from pipeline.video.cutsound import SAMPLE_RATE, SoundSpan, cut_sound, sound_span
from pipeline.video.decode import pictures
from pipeline.video.fancam import fancam
from pipeline.video.labelled import Labelled, labelled
from pipeline.video.probe import probe

ROSTER = Roster("g", (Member("v", "../V", "#0072B2"), Member("../x", "지원\n", "#E69F00")))
SHOT = 4  # frames; M is seen in every other shot


@pytest.fixture
def fine(params: Params) -> Params:
    return replace(params, render=replace(QUICK, crf=4), fancam=Fancam(9, 16, 0.0))


def labelled_video(video: Path, boxes: dict[int, tuple[float, float, float, float]], shot: int = SHOT) -> Labelled:
    """A video with the member '../x' in a box on some frames, a new shot every `shot` frames."""
    info = probe(video)
    pts = [pts for pts, _ in pictures(info)]
    times_s = [float(one * info.time_base - info.origin_s) for one in pts]
    frames = pd.DataFrame({"frame": range(len(pts)), "pts": pts, "time_s": times_s})
    faces = pd.DataFrame(0, index=range(len(boxes)), columns=LABELLED_FACES.names)
    faces = faces.assign(frame=list(boxes), member="../x", confidence=0.9)
    faces[BOX] = np.array(list(boxes.values()), np.float32).reshape(-1, 4)
    return labelled(faces, frames.assign(shot=frames["frame"] // shot), info, ROSTER)


def every_other_shot(count: int, shot: int = SHOT) -> list[int]:
    return [frame for frame in range(count) if frame // shot % 2]


TIMED = [
    "24.mp4", "23.976.mp4", "vfr.mp4", "vfr-90k.mp4", "b-frames.mp4", "late-sound.mp4", "late-pictures.mp4", "odd.webm",
    "no-sound.mp4", "turned-90.mp4", "h264-pcm.avi", "broadcast.ts", "vp8-vorbis.webm", "two-tracks.mp4", "hdr.mp4",
    "wide-pixels.mp4",
]  # fmt: skip


@pytest.mark.parametrize("name", TIMED)
def test_every_frame_keeps_its_distance_to_the_next(name: str, fine: Params, tmp_path: Path) -> None:
    times = frame_times(clip(name))
    frames = every_other_shot(len(times))
    made = fancam(labelled_video(clip(name), dict.fromkeys(frames, (10, 10, 30, 30))), "../x", tmp_path, fine)
    ends = [*times[1:], 2 * times[-1] - times[-2]]
    expected, end = [], Fraction(0)
    for frame in frames:
        expected.append(end)
        end += ends[frame] - times[frame]
    for file in ("fancam-2-cuts.mp4", "fancam-2-follow.mp4"):
        assert frame_times(tmp_path / file) == expected
        assert bool(probe(tmp_path / file).audio_streams) == bool(probe(clip(name)).audio_streams)
    info, whole, crop = (probe(path) for path in (clip(name), tmp_path / made.files[0], tmp_path / made.files[1]))
    assert (whole.width, whole.height) == (info.width + info.width % 2, info.height + info.height % 2)
    assert crop.colour == whole.colour
    assert crop.sample_aspect_ratio == info.sample_aspect_ratio
    shape = crop.width * info.sample_aspect_ratio / crop.height
    assert shape == pytest.approx(9 / 16, abs=2 * float(info.sample_aspect_ratio) / crop.height)
    assert made.seconds == pytest.approx(float(end), abs=0.001)


def test_the_frames_are_the_source_s_own(fine: Params, tmp_path: Path) -> None:
    frames = every_other_shot(24)
    fancam(labelled_video(clip("24.mp4"), dict.fromkeys(frames, (40, 10, 60, 30))), "../x", tmp_path, fine)
    source = rgb_of(clip("24.mp4"), 96, 64).astype(int)[frames]
    assert np.abs(rgb_of(tmp_path / "fancam-2-cuts.mp4", 96, 64) - source).mean() < 3.5
    crop = source[:, :, 32:68]  # the face's middle, 50, in the middle of 36 pixels
    assert np.abs(rgb_of(tmp_path / "fancam-2-follow.mp4", 36, 64) - crop).mean() < 3.5


def test_the_crop_follows_the_member_and_begins_anew_at_a_cut(fine: Params, tmp_path: Path) -> None:
    lefts = [*np.linspace(20, 250, 48).round().astype(int), *[40] * 12]
    video = write_video(
        tmp_path / "walk.mkv",
        [picture((RED, int(x), 60), (GREEN, WIDTH - SIDE_PX - int(x), 120)) for x in lefts],
        [40 * index for index in range(60)],
    )
    boxes = {index: (x, 60, x + SIDE_PX, 60 + SIDE_PX) for index, x in enumerate(lefts)}
    fancam(labelled_video(video, boxes, shot=48), "../x", tmp_path, fine)
    width = HEIGHT * 9 // 16 // 2 * 2
    shown = rgb_of(tmp_path / "fancam-2-follow.mp4", width, HEIGHT).astype(int)
    red = (shown[..., 0] - shown[..., 1] > 120)[:, 70:100].sum(axis=1) > 15
    assert (red.sum(axis=1) > SIDE_PX - 6).all()
    middles = [np.flatnonzero(row).mean() for row in red]
    assert np.abs(np.array(middles[8:40]) - width / 2).max() < 5
    assert np.abs(np.diff(middles[:48])).max() < 6  # the face walks 5 a frame, before the crop leaves the edge
    assert middles[48] == pytest.approx(width / 2, abs=3)


CLICKS_S = 0.05  # after the start of each cut
RATES = {"44100.mp4": "-c:a aac", "44100.mkv": "-c:a libvorbis", "48000.mov": "-c:a pcm_s16le", "44100.ts": "-c:a mp2"}


def clicking(name: str, shots: int, shot: int) -> Path:
    """Pictures at 23.976 a second, and a click a little after the first frame of every other shot."""
    rate = int(name.split(".")[0])
    length = shots * shot * 1001 / 24000
    sound = np.zeros(round(length * rate) + rate // 10, np.int16)
    burst = (20000 * np.sin(np.arange(rate // 200) * 2 * np.pi * 2000 / rate)).astype(np.int16)
    for number in range(1, shots, 2):
        at = round((number * shot * 1001 / 24000 + CLICKS_S) * rate)
        sound[at : at + len(burst)] = burst
    with wave.open(str(FOLDER / "clicks.wav"), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(sound.tobytes())
    frames = ("-f", "lavfi", "-i", f"testsrc2=s=64x64:r=24000/1001:d={length}", "-i", "clicks.wav")
    encode = ("-frames:v", str(shots * shot), "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
    ffmpeg(*frames, *encode, *RATES[name].split(), f"clicks-{name}")
    return FOLDER / f"clicks-{name}"


def heard(path: Path) -> np.ndarray:
    """The loudness of each sample since time 0, as ffmpeg plays it."""
    raw = ffmpeg("-i", path, "-map", "0:a:0", "-f", "f32le", "-ac", "1", "-ar", str(SAMPLE_RATE), "-")
    return np.abs(np.frombuffer(raw, np.float32))


@pytest.mark.parametrize("name", RATES)
def test_a_hundred_cuts_later_the_sound_is_still_with_the_pictures(name: str, fine: Params, tmp_path: Path) -> None:
    shots, shot = 200, 5
    video = clicking(name, shots, shot)
    boxes = dict.fromkeys(every_other_shot(shots * shot, shot), (10.0, 10.0, 30.0, 30.0))
    made = fancam(labelled_video(video, boxes, shot), "../x", tmp_path, fine)
    assert made.cuts == 100
    with (tmp_path / "fancam-2-cuts.csv").open(encoding="utf-8") as handle:
        starts_s = [float(row["out_start_s"]) for row in csv.DictReader(handle)]
    for file in made.files[:2]:
        loud = heard(tmp_path / file)
        late_s = []
        for start_s in starts_s:
            expected = round((start_s + CLICKS_S) * SAMPLE_RATE)
            window = loud[expected - 1500 : expected + 1500]
            late_s.append((np.argmax(window > window.max() / 2) - 1500) / SAMPLE_RATE)
        assert np.abs(late_s).max() < 1024 / SAMPLE_RATE / 4, "an audio frame is 21 ms"
        assert abs(np.mean(late_s[-20:]) - np.mean(late_s[:20])) < 0.0005
        assert len(loud) / SAMPLE_RATE == pytest.approx(made.seconds, abs=1024 / SAMPLE_RATE)


def test_rounding_never_adds_up() -> None:
    length, gap = Fraction(7 * 1001, 24000), Fraction(1001, 24000)
    spans = [sound_span(index * (length + gap), index * length, (index + 1) * length) for index in range(1000)]
    ends = np.cumsum([span.end - span.start for span in spans])
    assert abs(ends[-1] - float(1000 * length * SAMPLE_RATE)) <= 1
    for index, span in enumerate(spans):
        assert abs(span.start - float(index * (length + gap) * SAMPLE_RATE)) <= 1


def test_cuts_that_follow_each_other_sound_as_if_there_were_none() -> None:
    samples = np.concatenate(list(cut_sound(clip("24.mp4"), [SoundSpan(1000, 20000), SoundSpan(20000, 40000)])), axis=1)
    (whole,) = [np.concatenate(list(cut_sound(clip("24.mp4"), [SoundSpan(1000, 40000)])), axis=1)]
    np.testing.assert_array_equal(samples, whole)
    assert samples.shape == (2, 39000)


@pytest.mark.parametrize(
    ("name", "span", "silent"),
    [("late-sound.mp4", (0, 48000), slice(0, 32000)), ("24.mp4", (0, 96000), slice(50000, 96000))],
)
def test_where_there_is_no_sound_there_is_silence(name: str, span: tuple[int, int], silent: slice) -> None:
    samples = np.concatenate(list(cut_sound(clip(name), [SoundSpan(*span)])), axis=1)
    assert samples.shape[1] == span[1] - span[0]
    assert np.abs(samples[:, silent]).max() == 0
    assert np.abs(samples).max() > 0.05


def test_files_are_named_by_number_and_only_the_index_says_whose(fine: Params, tmp_path: Path) -> None:
    out = tmp_path / "out"
    made = fancam(labelled_video(clip("24.mp4"), {5: (10, 10, 30, 30)}), "../x", out, fine)
    assert made.files == ("fancam-2-cuts.mp4", "fancam-2-follow.mp4", "fancam-2-cuts.edl", "fancam-2-cuts.csv")
    assert {path.name for path in out.iterdir()} == set(made.files)
    assert (made.member, made.number, made.cuts) == ("../x", 2, 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]
    assert "TITLE: 24 - 지원" in (out / "fancam-2-cuts.edl").read_text(encoding="utf-8").splitlines()[0]


def test_progress_is_told_and_what_follows_the_last_cut_is_not_read(fine: Params, tmp_path: Path) -> None:
    told: list[int] = []
    fancam(
        labelled_video(clip("24.mp4"), {5: (10, 10, 30, 30), 6: (10, 10, 30, 30)}), "../x", tmp_path, fine, told.append
    )
    assert told == [6, 7]


def test_who_is_never_seen_has_no_files(fine: Params, tmp_path: Path) -> None:
    made = fancam(labelled_video(clip("24.mp4"), {5: (10, 10, 30, 30)}), "v", tmp_path / "out", fine)
    assert (made.member, made.number, made.cuts, made.files) == ("v", 1, 0, ())
    assert not (tmp_path / "out").exists()


def too_fast(params: Params) -> Params:
    return replace(params, render=replace(QUICK, crf=20, preset="warp"))


FAULTS: dict[str, tuple[str, Callable[[Params], Params], type[Exception], str]] = {
    "nobody's key": ("nobody", lambda params: params, DatasetError, "nobody.*roster"),
    "no such preset": ("../x", too_fast, ParamsError, "warp"),
}


@pytest.mark.parametrize(("member", "change", "error", "says"), FAULTS.values(), ids=FAULTS.keys())
def test_what_cannot_be_made_says_why_and_leaves_nothing(
    member: str, change: Callable[[Params], Params], error: type[Exception], says: str, fine: Params, tmp_path: Path
) -> None:
    with pytest.raises(error, match=says):
        fancam(labelled_video(clip("24.mp4"), {5: (10, 10, 30, 30)}), member, tmp_path, change(fine))
    assert list(tmp_path.iterdir()) == []


def test_a_failure_half_way_leaves_nothing(fine: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(fancam_module, "cut_out", full)
    with pytest.raises(OSError, match="No space"):
        fancam(labelled_video(clip("24.mp4"), {5: (10, 10, 30, 30)}), "../x", tmp_path, fine)
    assert list(tmp_path.iterdir()) == []
