"""Paths: tracks cut into runs, and how little of each is enough to follow it."""

from __future__ import annotations

import numpy as np
import pytest
from made import TENTHS, face, faces_of

from pipeline.video.exports.paths import key_places, runs

SQUARE = np.repeat([0.0, 10.0, 10.0, 0.0], 5)
LINES = {
    "one frame": (np.zeros(1), [0]),
    "two frames": (np.array([0.0, 9.0]), [0, 1]),
    "standing still": (np.zeros(20), [0, 19]),
    "straight": (np.linspace(0, 50, 20), [0, 19]),
    "there and back": (np.abs(np.arange(-10.0, 11.0)), [0, 10, 20]),
    "a tremor": (np.array([0.0, 0.4, -0.4, 0.4, 0.0]), [0, 4]),
    "jumps": (SQUARE, [0, 4, 5, 14, 15, 19]),
}


@pytest.mark.parametrize(("line", "kept"), LINES.values(), ids=LINES.keys())
def test_what_is_kept(line: np.ndarray, kept: list[int]) -> None:
    assert key_places(np.arange(len(line)) / 24, line[:, None], 0.5).tolist() == kept


def test_no_place_strays_further_than_told() -> None:
    rng = np.random.default_rng(1)
    times_s = np.sort(rng.random(300))
    walk = np.cumsum(rng.normal(size=(300, 4)), axis=0)
    kept = key_places(times_s, walk, 2.0)
    drawn = np.stack([np.interp(times_s, times_s[kept], column[kept]) for column in walk.T], axis=1)
    assert 0 < np.abs(drawn - walk).max() <= 2.0
    assert len(kept) < 200


def test_lines_are_in_time_not_in_frames() -> None:
    times_s = np.array([0.0, 0.1, 1.0])
    assert key_places(times_s, times_s[:, None] * 100, 0.5).tolist() == [0, 2]


def test_a_run_ends_where_the_track_is_lost() -> None:
    rows = [face(TENTHS, n, "jm", 3) for n in (0, 1, 5, 6)] + [face(TENTHS, n, "sk", 1) for n in (1, 2)]
    found = [(run.member, run.starts_s.round(3).tolist(), run.ends_s.round(3).tolist()) for run in _runs(rows)]
    assert found == [("sk", [0.1, 0.2], [0.2, 0.3]), ("jm", [0.0, 0.1], [0.1, 0.2]), ("jm", [0.5, 0.6], [0.6, 0.7])]


def test_no_faces_no_runs() -> None:
    assert _runs([]) == []


def _runs(rows: list[dict[str, object]]) -> list:
    return list(runs(faces_of(rows), TENTHS))
