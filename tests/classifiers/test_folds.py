"""Cross-validation: every photo tried once, by a model that knows its member and saw no copy of it."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.classifiers.folds import folds


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
