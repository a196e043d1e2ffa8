"""Known against unknown, and reliability, where the right answer is known by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from pipeline.card.answers import Answers
from pipeline.card.curves import det_table, open_set_curve, reliability, reliability_table, roc_table


def answers(known: Sequence[float], strangers: Sequence[float], wrong: int = 0) -> Answers:
    """Test faces with these confidences, the first `wrong` of them taken for another member."""
    labels = np.zeros(len(known), np.int64)
    return Answers(2, labels, (np.arange(len(known)) < wrong).astype(np.int64), np.array(known), np.array(strangers))


@pytest.mark.parametrize(
    ("known", "strangers", "area", "equal_error_rate"),
    [
        ((0.9, 0.8), (0.1, 0.2), 1.0, 0.0),
        ((0.1, 0.2), (0.9, 0.8), 0.0, 1.0),
        ((0.9, 0.3), (0.6, 0.1), 0.75, 0.5),
        ((0.5, 0.5), (0.5, 0.5), 0.5, 0.5),
        ((0.9,), (0.1,), 1.0, 0.0),
    ],
    ids=["apart", "the wrong way round", "overlapping", "all the same", "one face"],
)
def test_members_against_strangers(
    known: tuple[float, ...], strangers: tuple[float, ...], area: float, equal_error_rate: float
) -> None:
    curve = open_set_curve(answers(known, strangers))
    assert curve is not None
    assert curve.area == area
    assert curve.equal_error_rate == pytest.approx(equal_error_rate, abs=0.01)
    at_half = curve.threshold >= 0.5
    assert curve.named_rate[at_half][-1] == np.mean(np.array(known) >= 0.5)
    assert curve.false_name_rate[at_half][-1] == np.mean(np.array(strangers) >= 0.5)


@pytest.mark.parametrize(("known", "strangers"), [((), ()), ((0.9,), ())], ids=["no test photo", "one member"])
def test_without_strangers_there_is_no_curve_and_the_tables_have_their_heads(
    known: tuple[float, ...], strangers: tuple[float, ...]
) -> None:
    assert open_set_curve(answers(known, strangers)) is None
    assert list(roc_table(None).columns) == ["false_name_rate", "named_rate", "threshold"]
    assert list(det_table(None).columns) == ["false_name_rate", "miss_rate", "threshold"]
    assert det_table(None).empty


def test_the_calibration_error_is_counted_by_faces() -> None:
    """Three of four right at 0.95, none of one at 0.35: (4 * 0.2 + 1 * 0.35) / 5."""
    found = reliability(answers((0.35, 0.95, 0.95, 0.95, 0.95), (0.0,) * 5, wrong=2), with_strangers=False)
    assert found.error == pytest.approx((4 * 0.2 + 0.35) / 5)
    assert reliability_table(found).to_dict("records") == [
        {"confidence": 0.35, "right": 0.0, "faces": 1},
        {"confidence": 0.95, "right": 0.75, "faces": 4},
    ]


def test_a_name_for_a_stranger_is_never_right() -> None:
    found = reliability(answers((1.0, 1.0), (1.0, 0.0)), with_strangers=True)
    assert found.faces.tolist() == [1, 3]
    assert found.right.tolist() == pytest.approx([0.0, 2 / 3])


def test_of_no_faces_there_is_no_error() -> None:
    assert reliability(answers((), ()), with_strangers=True).error is None
