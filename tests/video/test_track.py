"""Tracks: who is who from one look to the next within a shot, and a box on every frame between two looks."""

from __future__ import annotations

import warnings
from dataclasses import replace
from itertools import pairwise
from unittest.mock import Mock

import numpy as np
import pytest

from pipeline.records import Detections
from pipeline.video import track
from pipeline.video.track import LOST_AFTER_S, NEW_TRACK_SCORE, ShotTracker, Sighting, filled, smoothed

LOOK_S = 0.125
SIDE_PX = 40
WEAK, STRONG = NEW_TRACK_SCORE - 0.05, NEW_TRACK_SCORE + 0.2


@pytest.fixture(autouse=True)
def no_warnings():
    """The tracking library warns where it does nothing with what it is given: then a face was lost."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def faces(*corners_xy: tuple[float, float], scores: list[float] | None = None) -> Detections:
    boxes = np.array([[x, y, x + SIDE_PX, y + SIDE_PX] for x, y in corners_xy], np.float32).reshape(-1, 4)
    given = np.array(scores or [STRONG] * len(boxes), np.float32)
    return Detections(boxes, np.zeros((len(boxes), 5, 2), np.float32), given)


def tracks(looks: list[Detections], times_s: list[float] | None = None) -> list[list[int]]:
    tracker = ShotTracker()
    times_s = times_s or [LOOK_S * index for index in range(len(looks))]
    return [tracker.assign(look, time_s).tolist() for look, time_s in zip(looks, times_s, strict=True)]


WALKS = {
    "two side by side": [faces((10 + 5 * n, 50), (200 + 5 * n, 50)) for n in range(12)],
    "two that cross": [faces((10 + 15 * n, 50), (300 - 15 * n, 70)) for n in range(20)],
    "listed the other way round": [faces((10, 50), (200, 50)), *[faces((200, 50), (10, 50))] * 5],
    "one that comes nearer": [
        Detections(
            np.array([[100, 50, 120 + 5 * n, 70 + 6 * n]], np.float32), np.zeros((1, 5, 2), np.float32), np.ones(1)
        )
        for n in range(8)
    ],
}


def identities(look: Detections, found: list[int], walk: str) -> dict[int, tuple[float, ...]]:
    assert len(set(found)) == len(found) == len(look), walk
    return dict(zip(found, (tuple(box[:2]) for box in look.boxes_xyxy), strict=True))


@pytest.mark.parametrize("walk", WALKS)
def test_a_face_keeps_its_track(walk: str) -> None:
    looks = WALKS[walk]
    places = [identities(look, found, walk) for look, found in zip(looks, tracks(looks), strict=True)]
    assert all(place.keys() == places[0].keys() for place in places)
    steps = [np.hypot(*np.subtract(b[key], a[key])) for a, b in pairwise(places) for key in a]
    assert max(steps) <= 16  # nobody jumped to where the other was


@pytest.mark.parametrize(("hidden_s", "same"), [(0.2, True), (LOST_AFTER_S, True), (0.6, False), (3.0, False)])
def test_a_face_that_was_hidden_comes_back_as_the_same_only_when_soon(hidden_s: float, same: bool) -> None:
    times_s = [0.0, 0.125, 0.25, *np.arange(0.3, 0.25 + hidden_s - 0.01, 0.05).tolist(), 0.25 + hidden_s]
    looks = [faces((50, 50))] * 3 + [faces()] * (len(times_s) - 4) + [faces((50, 50))]
    found = tracks(looks, times_s)
    assert found[:3] == [[0], [0], [0]]
    assert found[-1] == ([0] if same else [1])


RUN = (10, 12, 20, 40, 75, 115, 155, 195)  # at the end ByteTrack awaits the face a whole side further on


@pytest.mark.parametrize("then", [(195, 195, 195), (185, 170, 150)], ids=["stops", "turns back"])
@pytest.mark.parametrize("others", [(), (120,), (-120, 120)], ids=["alone", "of two", "of three"])
def test_who_runs_keeps_its_track_though_motion_changes_at_once(then: tuple[int, ...], others: tuple[int, ...]) -> None:
    looks = [faces((x, 50), *((x + other, 50) for other in others)) for x in RUN + then]
    assert tracks(looks) == [list(range(len(others) + 1))] * len(looks)


def test_who_comes_where_another_still_is_has_a_track_of_its_own() -> None:
    looks = [faces((50, 50))] * 3 + [faces((50, 50), (65, 50))] * 3
    assert tracks(looks) == [[0]] * 3 + [[0, 1]] * 3


def test_no_look_shows_one_track_twice() -> None:
    stops = [faces((195, 50)), faces((195, 50), (235, 50)), faces((195, 50), (275, 50))]  # where it was awaited
    found = tracks([faces((x, 50)) for x in RUN] + stops)
    assert [one[0] for one in found] == [0] * len(found)
    assert all(len(set(one)) == len(one) for one in found)


def test_a_new_face_has_its_track_at_once() -> None:
    looks = [faces((50, 50))] * 3 + [faces((52, 50), (200, 50))] * 3
    assert tracks(looks) == [[0], [0], [0], [0, 1], [0, 1], [0, 1]]


def test_a_weak_face_continues_a_track_and_starts_none() -> None:
    looks = [faces((50, 50), scores=[score]) for score in (WEAK, WEAK, STRONG, WEAK, WEAK)]
    assert tracks(looks) == [[-1], [-1], [0], [0], [0]]


def test_numbers_begin_again_with_each_shot() -> None:
    looks = [faces((50, 50), (200, 50))] * 2
    assert tracks(looks) == tracks(looks) == [[0, 1], [0, 1]]


@pytest.mark.parametrize("start_s", [-1.0, 0.0, 36_000.0])
@pytest.mark.parametrize("step_s", [1 / 90_000, 0.001, 1 / 120, 0.4])
def test_any_clock_will_do(start_s: float, step_s: float) -> None:
    looks = [faces((50, 50)), *[faces((50, 50), (200, 50))] * 3]
    assert tracks(looks, [start_s + step_s * n for n in range(4)]) == [[0], [0, 1], [0, 1], [0, 1]]


def test_nothing_to_see_has_no_tracks() -> None:
    assert tracks([faces(), faces(), faces((5, 5)), faces()]) == [[], [], [0], []]


def sighting(frame: int, time_s: float, x: float, score: float = STRONG) -> Sighting:
    return Sighting(frame, time_s, np.array([x, 10, x + SIDE_PX, 10 + SIDE_PX], np.float32), score)


def test_boxes_between_two_looks_are_linear_in_time_not_in_frames() -> None:
    times_s = {3: 0.0, 4: 0.1, 5: 0.2, 6: 0.3, 7: 0.8}  # the picture stands still from frame 6 to 7
    boxes = list(filled([sighting(3, 0.0, 0.0, score=0.9), sighting(7, 0.8, 80.0, score=0.8)], times_s))
    assert [box.frame for box in boxes] == [3, 4, 5, 6, 7]
    assert [box.interpolated for box in boxes] == [False, True, True, True, False]
    np.testing.assert_allclose([box.box_xyxy[0] for box in boxes], [0, 10, 20, 30, 80], atol=1e-4)
    np.testing.assert_allclose([box.box_xyxy[3] for box in boxes], 10 + SIDE_PX)
    assert [box.score for box in boxes] == [0.9, 0.8, 0.8, 0.8, 0.8]


def test_a_long_gap_stays_empty() -> None:
    times_s = {frame: frame / 10 for frame in range(60)}
    sightings = [sighting(0, 0.0, 0.0), sighting(2, 0.2, 2.0), sighting(50, 5.0, 50.0), sighting(51, 5.1, 51.0)]
    assert [box.frame for box in filled(sightings, times_s)] == [0, 1, 2, 50, 51]


@pytest.mark.parametrize(
    ("x", "missed", "boxes"), [(20, True, 5), (60, False, 5), (60, True, 2)], ids=["there", "it ran", "elsewhere"]
)
def test_where_a_missed_face_was_is_told_only_if_it_stayed(x: float, missed: bool, boxes: int) -> None:
    times_s = {frame: frame / 10 for frame in range(5)}
    again = replace(sighting(4, 0.4, x), missed=missed)
    assert len(list(filled([sighting(0, 0.0, 0.0), again], times_s))) == boxes


def test_a_face_seen_once_is_there_once() -> None:
    assert [(box.frame, box.interpolated) for box in filled([sighting(7, 0.7, 5.0)], {7: 0.7})] == [(7, False)]


def test_smoothing_takes_no_more_points_than_there_are_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames in pairs a tick apart, as a repaired recording has them: an even step between the nearest two is none."""
    times_s = np.repeat(np.arange(60) / 25, 2) + np.tile([0, 1 / 90_000], 60)
    boxes = np.stack([300 * times_s, times_s * 0, 300 * times_s + 40, times_s * 0 + 40], axis=1).astype(np.float32)
    with monkeypatch.context() as patched:
        watched = Mock(wraps=track.savgol_filter)
        patched.setattr(track, "savgol_filter", watched)
        np.testing.assert_allclose(smoothed(boxes, times_s), boxes, atol=0.05)
    assert len(watched.call_args.args[0]) == len(boxes)


@pytest.mark.parametrize(
    "steps_ms", [[40], [33, 100], [17, 67], [5, 100, 40]], ids=["even", "two rates", "alternating", "wild"]
)
def test_smoothing_leaves_steady_motion_as_it_is(steps_ms: list[int]) -> None:
    times_s = np.cumsum([0, *(steps_ms[n % len(steps_ms)] for n in range(40))]) / 1000
    x = 300 * times_s
    boxes = np.stack([x, x * 0 + 50, x + 40, x * 0 + 90], axis=1).astype(np.float32)
    np.testing.assert_allclose(smoothed(boxes, times_s), boxes, atol=0.05)
