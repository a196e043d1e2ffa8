"""Shots: a hard cut begins one, motion, dissolves and flashes do not, and every frame comes out once, in order."""

from __future__ import annotations

from fractions import Fraction
from itertools import accumulate
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import draw
from excerpts import CUT, FRAMES, excerpt

from pipeline.video.decode import Frame, frames
from pipeline.video.probe import probe
from pipeline.video.shots import ShotFrame, by_shot

FPS = 24
WIDTH, HEIGHT, MARGIN = 160, 90, 80
WHITE = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)


def scene(seed: int, length: int, pan_px: float = 1.0) -> list[np.ndarray]:
    """A camera that pans over a picture of blobs."""
    blobs = np.asarray(draw(seed, WIDTH + MARGIN, HEIGHT))
    starts = [round(pan_px * index) for index in range(length)]
    assert not starts or starts[-1] <= MARGIN
    return [np.ascontiguousarray(blobs[:, start : start + WIDTH]) for start in starts]


def scenes(*lengths: int) -> list[np.ndarray]:
    return [picture for seed, length in enumerate(lengths, start=1) for picture in scene(seed, length)]


def dissolve(length: int) -> list[np.ndarray]:
    before, after = scene(1, length + 10), scene(2, length + 10)
    shares = np.linspace(0, 1, length)
    mixed = zip(shares, before[10:], after, strict=False)
    return before[:10] + [(a * (1 - share) + b * share).astype(np.uint8) for share, a, b in mixed] + after[length:]


def flash(length: int, at: int) -> list[np.ndarray]:
    pictures = scene(1, 30)
    pictures[at : at + length] = [WHITE] * length
    return pictures


def of(shape: tuple[int, ...], fps: int) -> SimpleNamespace:
    """What is asked of a video whose clock counts milliseconds."""
    return SimpleNamespace(height=shape[0], width=shape[1], time_base=Fraction(1, 1000), average_fps=Fraction(fps))


def shots(pictures: list[np.ndarray], pts: list[int] | None = None) -> list[ShotFrame]:
    """The shots of pictures at `pts` in milliseconds, else at 24 frames/s; checked: every frame out once, in order."""
    pts = pts or [round(1000 * index / FPS) for index in range(len(pictures))]
    shown = enumerate(zip(pts, pictures, strict=True))
    given = [Frame(index, at, at / 1000, lambda _, rgb=rgb: rgb) for index, (at, rgb) in shown]
    found = list(by_shot(iter(given), of((HEIGHT, WIDTH), FPS)))
    assert [one.frame for one in found] == given
    return found


def starts(found: list[ShotFrame]) -> list[int]:
    """The frames that begin a shot; that numbers, firsts and lasts agree with each other is checked."""
    assert [one.shot for one in found] == list(accumulate((one.first for one in found[1:]), initial=0))
    assert [one.last for one in found] == [*(one.first for one in found[1:]), True]
    assert found[0].first
    return [one.frame.index for one in found if one.first]


CUTS = {
    "one scene": ([30], [0]),
    "two": ([24, 30], [0, 24]),
    "a third of a second each": ([8, 8, 8, 8, 8], [0, 8, 16, 24, 32]),
    "a quarter of a second each": ([6, 6, 6], [0, 6, 12]),
    "an eighth of a second each": ([3, 3, 3, 3], [0, 3, 6, 9]),
    "of many lengths": ([7, 40, 9, 30, 12, 8], [0, 7, 47, 56, 86, 98]),
    "the last of three frames": ([20, 3], [0, 20]),
}


@pytest.mark.parametrize(("lengths", "expected"), CUTS.values(), ids=CUTS.keys())
def test_a_hard_cut_begins_a_shot(lengths: list[int], expected: list[int]) -> None:
    assert starts(shots(scenes(*lengths))) == expected


@pytest.mark.parametrize("pan_px", [1, 8, 20])
def test_a_cut_to_a_pan_and_one_from_it_begin_shots(pan_px: int) -> None:
    pan = scene(2, 4, pan_px)
    assert starts(shots(scene(1, 12) + pan + pan[-1:] * 12)) == [0, 12]
    assert starts(shots(pan[:1] * 12 + pan + scene(1, 12))) == [0, 16]


ONE_SHOT = {
    "a still": scene(1, 1) * 30,
    "a fast pan from rest to rest": scene(1, 1) * 12 + scene(1, 4, pan_px=20) + scene(1, 4, pan_px=20)[-1:] * 12,
    "a slow pan": scene(1, 40, pan_px=0.5),
    "a fast pan": scene(1, 10, pan_px=8),
    "a dissolve of half a second": dissolve(12),
    "a dissolve of a second": dissolve(24),
    "lamps that go on": [rgb // (1 + 2 * (index < 12)) for index, rgb in enumerate(scene(1, 24))],
    "a light that fades after it went on": [
        (rgb * (0.3 + 0.06 * max(0, 18 - index) * (index > 7))).clip(0, 255).astype(np.uint8)
        for index, rgb in enumerate(scene(1, 28))
    ],
    "black to the end": [np.zeros_like(WHITE)] * 20,
}


@pytest.mark.parametrize("pictures", ONE_SHOT.values(), ids=ONE_SHOT.keys())
def test_what_is_no_cut_begins_none(pictures: list[np.ndarray]) -> None:
    assert starts(shots(pictures)) == [0]


@pytest.mark.parametrize("length", [1, 2, 3])
@pytest.mark.parametrize("at", [1, 8, 14, 24])
def test_a_flash_is_no_cut(length: int, at: int) -> None:
    assert starts(shots(flash(length, at))) == [0]


@pytest.mark.parametrize("length", [1, 2])
def test_a_flash_at_a_cut_leaves_one_cut(length: int) -> None:
    pictures = scenes(14, 16)
    pictures[14 : 14 + length] = [WHITE] * length
    (begins,) = starts(shots(pictures))[1:]
    assert 14 <= begins <= 14 + length


@pytest.mark.parametrize("length", range(1, 8))
def test_a_video_of_few_frames(length: int) -> None:
    found = shots(scene(1, length))
    assert starts(found) == [0]
    assert len(found) == length


def test_no_frames_give_no_shots() -> None:
    assert shots([]) == []


def test_how_short_a_shot_may_be_is_counted_in_time_not_in_frames() -> None:
    pictures = scenes(12, 2, 12)
    assert starts(shots(pictures)) == [0, 12]
    assert starts(shots(pictures, [100 * index for index in range(26)])) == [0, 12, 14]


def test_a_clock_that_starts_late_or_jumps_changes_nothing() -> None:
    pts = [90_000 + 40 * index + 5_000 * (index > 20) for index in range(36)]
    assert starts(shots(scenes(12, 24), pts)) == [0, 12]


def test_frames_come_a_few_behind_the_decoder() -> None:
    taken = []

    def decoder():
        for index, rgb in enumerate(scenes(12, 24)):
            taken.append(index)
            yield Frame(index, index * 40, index / 25, lambda _, rgb=rgb: rgb)

    behind = [len(taken) - 1 - one.frame.index for one in by_shot(decoder(), of((180, 320), 25))]
    assert max(behind) <= 8  # until a flash would be over


@pytest.mark.parametrize(("side", "most"), [(320, 24), (4000, 8), (20000, 4)], ids=str)
def test_of_huge_pictures_fewer_wait(side: int, most: int) -> None:
    taken = []

    def decoder():
        for index, rgb in enumerate([*scene(1, 60), *scene(2, 60)]):
            taken.append(index)
            yield Frame(index, index, index / 1000, lambda _, rgb=rgb: rgb)

    behind = [len(taken) - 1 - one.frame.index for one in by_shot(decoder(), of((side, side), 1000))]
    assert max(behind) == most


@pytest.mark.parametrize("size", [(1, 1), (2, 1000), (1000, 2), (1280, 720)], ids=str)
def test_pictures_of_any_size(size: tuple[int, int]) -> None:
    width, height = size
    pictures = [np.asarray(draw(1 + index // 12, width, height)) for index in range(24)]
    assert starts(shots(pictures))[0] == 0


def test_a_cut_of_a_real_camera_is_found() -> None:
    info = probe(excerpt("plain.mp4"))
    found = list(by_shot(frames(info), info))
    assert len(found) == FRAMES
    assert starts(found) == [0, CUT]
