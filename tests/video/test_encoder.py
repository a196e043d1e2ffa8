"""Encoders: the graphics chip's where it starts, x264 otherwise, and words for what is wrong with the settings."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from clips import QUICK, clip, frame_times

from pipeline.errors import ParamsError
from pipeline.roster import Roster
from pipeline.video import encoder
from pipeline.video.encoder import Layout, choose
from pipeline.video.probe import Colour, probe
from pipeline.video.render import render

SMALL = Layout(96, 64, "yuv420p", Fraction(1, 12288), Fraction(24), Fraction(1), Colour(1, 1, 1, 1))
# MPEG-4's encoder stands for a chip's that starts; no build has the first, and no machine without a camera the second.
CHIPS = {
    "h264_nowhere": lambda crf: {},
    "h264_v4l2m2m": lambda crf: {},
    "mpeg4": lambda crf: {"qmin": str(crf), "qmax": str(crf)},
}


def having(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    monkeypatch.setattr(encoder, "_HARDWARE", {name: CHIPS[name] for name in names})


@pytest.mark.parametrize(
    ("chips", "chosen"),
    [
        ((), "libx264"),
        (("h264_nowhere", "h264_v4l2m2m"), "libx264"),
        (("h264_nowhere", "mpeg4"), "mpeg4"),
    ],
    ids=["none known", "none starts", "the second starts"],
)
def test_auto_takes_the_first_that_starts(chips: tuple, chosen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    having(monkeypatch, *chips)
    assert choose(QUICK, SMALL) == chosen


def test_what_was_chosen_encodes_and_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    having(monkeypatch, "mpeg4")
    source = clip("23.976.mp4")
    report = render(source, {}.get, Roster("g", ()), replace(QUICK, crf=5), tmp_path / "out.mp4")
    assert (report.encoder, probe(tmp_path / "out.mp4").codec) == ("mpeg4", "mpeg4")
    assert len(frame_times(tmp_path / "out.mp4")) == report.frames == 24


def test_ten_bits_are_x264_s_whatever_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    having(monkeypatch, "mpeg4")
    deep = replace(SMALL, pixel_format="yuv420p10le")
    assert choose(QUICK, deep) == choose(replace(QUICK, encoder="mpeg4"), deep) == "libx264"


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"encoder": "x265"}, r"no encoder 'x265' \(known: auto, libx264, h264_nowhere\)"),
        ({"encoder": "h264_nowhere"}, r"h264_nowhere does not start here \(.*not in this build.*\): write 'auto'"),
        ({"preset": "quickest"}, r"no preset 'quickest' with crf 30 .*ultrafast, superfast"),
        ({"preset": "quickest", "encoder": "libx264"}, "no preset 'quickest'"),
    ],
)
def test_settings_that_do_not_work_are_named(settings: dict, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    having(monkeypatch, "h264_nowhere")
    with pytest.raises(ParamsError, match=says) as caught:
        choose(replace(QUICK, **settings), SMALL)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", [*encoder._HARDWARE, "libx264"])
def test_every_encoder_known_starts_or_is_refused_in_words(name: str) -> None:
    if name == "libx264" or not encoder._trouble(name, QUICK, SMALL):
        assert choose(replace(QUICK, encoder=name), SMALL) == name
    else:
        with pytest.raises(ParamsError, match=rf"{name} does not start here \(.+\): write 'auto'"):
            choose(replace(QUICK, encoder=name), SMALL)
