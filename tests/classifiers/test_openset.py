"""When to say 'unknown': thresholds on likenesses whose distribution is known."""

from __future__ import annotations

import numpy as np
import pytest
from standins import people, unit

from pipeline.classifiers.openset import OpenSet, calibrate, left_out_likeness, temperature

STRANGERS = 0.4


def normal(mean: float, deviation: float, count: int = 200, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, deviation, count)


def test_confidence_is_a_half_at_the_threshold_and_rises() -> None:
    open_set = OpenSet(threshold=0.5, slope=20.0)
    assert open_set.confidence(np.array([0.5])).item() == pytest.approx(0.5)
    sure = open_set.confidence(np.linspace(-1, 1, 50))
    assert (np.diff(sure) >= 0).all()
    assert 0 <= sure.min() < 0.001
    assert 0.999 < sure.max() <= 1


@pytest.mark.parametrize(
    ("own", "left_out", "low", "high"),
    [
        (normal(0.85, 0.04), normal(0.55, 0.04, seed=1), 0.60, 0.80),
        (normal(0.70, 0.08), normal(0.50, 0.08, seed=1), STRANGERS, 0.60),
        (normal(0.80, 0.05), normal(0.00, 0.05, seed=1), STRANGERS, 0.50),
        (normal(0.50, 0.10), normal(0.50, 0.10, seed=1), STRANGERS, STRANGERS),
        (np.full(20, 0.9), np.full(20, 0.3), STRANGERS, 0.9),
    ],
    ids=["well apart", "overlapping", "nothing alike", "not to be told", "all alike"],
)
def test_the_threshold_lies_between_what_is_seen_and_never_below_strangers(
    own: np.ndarray, left_out: np.ndarray, low: float, high: float
) -> None:
    open_set = calibrate(own, left_out, STRANGERS)
    assert low <= open_set.threshold <= high
    assert open_set.slope >= 1


def test_a_group_that_stands_apart_gets_a_strict_threshold_without_losing_its_own() -> None:
    own, left_out = normal(0.85, 0.04), normal(0.55, 0.04, seed=1)
    threshold = calibrate(own, left_out, STRANGERS).threshold
    assert (own >= threshold).mean() > 0.98
    assert (left_out >= threshold).mean() < 0.02


def test_a_sharper_edge_makes_a_steeper_curve() -> None:
    sharp = calibrate(normal(0.8, 0.02), normal(0.5, 0.02, seed=1), STRANGERS)
    soft = calibrate(normal(0.7, 0.15), normal(0.5, 0.15, seed=1), STRANGERS)
    assert sharp.slope > 1.5 * soft.slope


@pytest.mark.parametrize(("own", "left_out"), [(0, 0), (1, 1), (50, 0), (50, 1), (0, 50)])
def test_with_too_little_to_measure_strangers_set_the_threshold(own: int, left_out: int) -> None:
    assert calibrate(normal(0.8, 0.05, own), normal(0.5, 0.05, left_out), STRANGERS).threshold == STRANGERS


def test_left_out_likeness_is_that_to_the_most_alike_other() -> None:
    vectors = unit([[1, 0, 0], [0, 1, 0], [0.6, 0.8, 0]])
    assert left_out_likeness(vectors, np.array([0, 1, 2]), neighbours=1) == pytest.approx([0.6, 0.8, 0.8])


def test_nobody_is_left_out_of_a_group_of_one() -> None:
    vectors, labels = people([5])
    assert left_out_likeness(vectors, labels, 3).shape == (0,)
    assert left_out_likeness(vectors[:0], labels[:0], 3).shape == (0,)


def test_temperature_makes_a_doubtful_classifier_doubtful() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 300)
    sure, doubtful = (np.eye(3)[labels] + rng.normal(0, noise, (300, 3)) for noise in (0.1, 0.6))
    assert temperature(doubtful, labels) > 2 * temperature(sure, labels)
    assert temperature(2 * doubtful, labels) == pytest.approx(2 * temperature(doubtful, labels), rel=0.01)
    assert temperature(np.zeros((4, 1)), np.zeros(4, np.int64)) > 0
