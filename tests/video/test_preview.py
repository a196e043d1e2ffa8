"""Preview: what the process of one video leaves for the page, at a modest rate and cost."""

from __future__ import annotations

import io
import itertools
import json
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from pipeline.video.preview import PICTURE, STATUS, Preview


def drawn(width: int = 1280, height: int = 720, pixel_format: str = "yuv420p") -> av.VideoFrame:
    rgb = np.zeros((height, width, 3), np.uint8)
    rgb[:, : width // 2] = (255, 0, 0)
    return av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format=pixel_format)


def status(folder: Path) -> dict:
    return json.loads((folder / STATUS).read_text())


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv420p10le"])
@pytest.mark.parametrize(
    ("size", "shown"), [((1280, 720), (640, 360)), ((720, 1280), (640, 1138)), ((96, 64), (96, 64)), ((2, 2), (2, 2))]
)
def test_the_picture_is_small_and_in_its_colours(
    size: tuple[int, int], shown: tuple[int, int], pixel_format: str, tmp_path: Path
) -> None:
    Preview(tmp_path).show(drawn(*size, pixel_format))
    picture = Image.open(io.BytesIO((tmp_path / PICTURE).read_bytes())).convert("RGB")
    assert picture.size == shown
    if size != (2, 2):
        red, green, blue = picture.getpixel((shown[0] // 4, shown[1] // 2))
        assert red > 200
        assert max(green, blue) < 60


COSTS = {"cheap ones": (0.001, 8), "dear ones": (0.02, 2)}  # seconds of the processor for one, how many in two seconds


@pytest.mark.parametrize(("cost_s", "pictures"), COSTS.values(), ids=COSTS.keys())
def test_pictures_come_a_few_times_a_second_and_fewer_where_they_cost_more(
    cost_s: float, pictures: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s, spent_s = 0.0, itertools.count(0, cost_s)
    monkeypatch.setattr("pipeline.video.preview.time.monotonic", lambda: now_s)
    monkeypatch.setattr("pipeline.video.preview.time.thread_time", lambda: next(spent_s))
    preview, picture, shown = Preview(tmp_path), drawn(96, 64), 0
    for number in range(200):
        now_s = number / 100
        preview.show(picture)
        shown += (tmp_path / PICTURE).exists()
        (tmp_path / PICTURE).unlink(missing_ok=True)
    assert shown == pictures


def test_how_far_it_is_and_how_long_it_will_take(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = iter(range(0, 1000, 10))
    monkeypatch.setattr("pipeline.video.preview.time.monotonic", lambda: float(next(now_s)))
    with Preview(tmp_path).meter("clip.mp4", "render", 100) as tell:
        tell(25)
        assert status(tmp_path) == {"phase": "render", "done": 25, "total": 100, "left_s": 30.0, "picture": 0}
        tell(100)
        assert status(tmp_path)["left_s"] == 0
    with Preview(tmp_path).meter("clip.mp4", "analyse", None) as tell:
        tell(7)
        assert status(tmp_path) == {"phase": "analyse", "done": 7, "total": None, "left_s": None, "picture": 0}


def test_the_last_frame_is_always_told(tmp_path: Path) -> None:
    with Preview(tmp_path).meter("clip.mp4", "render", 3) as tell:
        for done in (1, 2, 3):
            tell(done)
    assert status(tmp_path)["done"] == 3


def test_without_a_folder_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    preview = Preview(None)
    with preview.meter("clip.mp4", "render", 3) as tell:
        tell(3)
    preview.show(drawn())
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_costs_no_video(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    preview = Preview(tmp_path / "file")
    preview.show(drawn())
    with preview.meter("clip.mp4", "render", 3) as tell:
        tell(3)
