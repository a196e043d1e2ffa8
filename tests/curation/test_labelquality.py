"""How probable labels are: by cleanlab, on probabilities of models that did not learn the face."""

from __future__ import annotations

import numpy as np
import pytest
from standins import people

from pipeline.curation.labelquality import FOLDS, label_quality


def test_wrong_labels_have_the_lowest_quality() -> None:
    vectors, true = people([12, 12, 12])
    labels = true.copy()
    wrong = [0, 13, 30]
    labels[wrong] = (labels[wrong] + 1) % 3
    found = label_quality(vectors, labels, np.arange(len(labels)).astype(str), np.ones(len(labels), bool))
    assert set(np.argsort(found.quality)[:3]) == set(wrong)
    assert np.flatnonzero(found.wrong).tolist() == wrong
    assert ((found.quality >= 0) & (found.quality <= 1)).all()


def test_copies_of_a_face_do_not_vouch_for_it() -> None:
    """A wrong photo and its copies are of one duplicate group: none of them is learnt when another is tried."""
    vectors, labels = people([12, 12])
    labels[:4] = 1
    vectors[:4] = vectors[0]
    groups = np.arange(len(labels)).astype(str)
    kept = np.ones(len(labels), bool)
    alone = label_quality(vectors, labels, groups, kept).quality[:4]
    groups[:4] = "one"
    together = label_quality(vectors, labels, groups, kept).quality[:4]
    assert (together < alone).all()


def test_what_is_not_kept_is_not_learnt() -> None:
    vectors, labels = people([12, 12])
    labels[:5] = 1
    kept = np.ones(len(labels), bool)
    groups = np.arange(len(labels)).astype(str)
    before = label_quality(vectors, labels, groups, kept).quality[:5]
    kept[:5] = False
    assert (label_quality(vectors, labels, groups, kept).quality[:5] < before).all()


@pytest.mark.parametrize("counts", [[], [9], [9, FOLDS - 1]], ids=["nobody", "one member", "one and a few"])
def test_who_cannot_be_tried_is_not_doubted(counts: list[int]) -> None:
    vectors, labels = people(counts)
    found = label_quality(vectors, labels, np.arange(len(labels)).astype(str), np.ones(len(labels), bool))
    assert found.quality.tolist() == [1.0] * len(labels)
    assert not found.wrong.any()
