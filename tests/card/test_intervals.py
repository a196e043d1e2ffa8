"""95 % intervals: known values, and honest where there is next to nothing."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.card.answers import Answers
from pipeline.card.intervals import macro_f1_interval, share_interval


def answers(labels: list[int], named: list[int], members: int) -> Answers:
    sure = np.ones(len(labels))
    return Answers(members, np.array(labels, np.int64), np.array(named, np.int64), sure, sure * 0)


@pytest.mark.parametrize(
    ("right", "count", "interval"),
    [
        (3, 3, (0.4385, 1.0)),
        (0, 3, (0.0, 0.5615)),
        (1, 1, (0.2065, 1.0)),
        (5, 10, (0.2366, 0.7634)),
        (81, 263, (0.2553, 0.3662)),  # the worked example of Newcombe 1998
    ],
)
def test_a_share_has_wilsons_interval(right: int, count: int, interval: tuple[float, float]) -> None:
    assert share_interval(np.arange(count) < right) == pytest.approx(interval, abs=1e-4)


def test_of_nothing_there_is_no_interval() -> None:
    assert share_interval(np.empty(0, bool)) is None
    assert macro_f1_interval(answers([], [], 3), None, seed=0) is None
    assert macro_f1_interval(answers([0], [0], 1), 1.0, seed=0) is None


def test_macro_f1_is_less_sure_with_fewer_faces_and_never_without_doubt() -> None:
    widths = []
    for each in (1, 5, 50):
        labels = [0] * each + [1] * each + [2] * each
        low, high = macro_f1_interval(answers(labels, labels, 3), 1.0, seed=0) or (0.0, 0.0)
        assert low < high == 1.0
        widths.append(high - low)
    assert widths == sorted(widths, reverse=True)
    assert widths[0] > 0.3
    assert widths[2] < 0.1


def test_macro_f1_lies_within_and_is_the_same_again() -> None:
    labels, named = [0, 0, 0, 1, 1, 1, 1], [0, 0, 1, 1, 1, 1, 0]
    intervals = [macro_f1_interval(answers(labels, named, 2), 0.7083, seed=1) for _ in range(2)]
    assert intervals[0] == intervals[1]
    assert intervals[0] is not None
    assert intervals[0].low < 0.7083 < intervals[0].high
