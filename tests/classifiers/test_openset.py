"""When to say 'unknown': thresholds on likenesses whose distribution is known."""

from __future__ import annotations

import numpy as np
import pytest
from standins import people, unit

from pipeline.classifiers.openset import OpenSet, calibrate, folds, left_out_likeness, temperature

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


def test_folds_try_every_photo_once_and_learn_every_member() -> None:
    labels = np.repeat([0, 1, 2], [10, 3, 1])
    groups = np.array([f"g{index}" for index in range(14)])
    pairs = folds(labels, groups, 5, seed=1)
    assert len(pairs) == 5
    tried = np.concatenate([attempt for _, attempt in pairs])
    assert sorted(tried) == list(range(13))  # the last member has one photo, which is only learnt from
    for learn, attempt in pairs:
        assert sorted([*learn, *attempt]) == list(range(14))
        assert set(labels[learn]) == {0, 1, 2}


def test_copies_of_a_photo_are_never_learnt_and_tried_at_once() -> None:
    labels = np.repeat([0, 1], 12)
    groups = np.array([f"{label}-{index % 4}" for index, label in enumerate(labels)])
    for learn, attempt in folds(labels, groups, 3, seed=1):
        assert not set(groups[learn]) & set(groups[attempt])


def test_a_member_with_one_photo_in_many_frames_is_always_learnt() -> None:
    labels = np.repeat([0, 1], [10, 6])
    groups = np.array([f"g{index}" for index in range(10)] + ["an animation"] * 6)
    assert all(set(labels[learn]) == {0, 1} for learn, _ in folds(labels, groups, 5, seed=1))


def test_an_animation_of_two_members_is_always_learnt() -> None:
    labels = np.repeat([0, 1], 6)
    groups = np.array([f"g{index}" for index in range(12)])
    groups[[0, 6]] = "both"
    pairs = folds(labels, groups, 3, seed=1)
    assert all({0, 6} <= set(learn) for learn, _ in pairs)
    assert sorted(np.concatenate([attempt for _, attempt in pairs])) == [1, 2, 3, 4, 5, 7, 8, 9, 10, 11]


@pytest.mark.parametrize("counts", [(1, 1, 1), (1,), ()], ids=str)
def test_with_one_photo_each_nothing_can_be_tried(counts: tuple[int, ...]) -> None:
    labels = np.repeat(np.arange(len(counts)), counts).astype(np.int64)
    assert folds(labels, np.array([f"g{index}" for index in range(len(labels))], dtype=str), 5, seed=1) == []


def test_folds_depend_on_the_seed_alone() -> None:
    labels = np.repeat([0, 1], 20)
    groups = np.array([f"g{index}" for index in range(40)])
    same = [folds(labels, groups, 5, seed)[0][1].tolist() for seed in (1, 1, 2)]
    assert same[0] == same[1] != same[2]
