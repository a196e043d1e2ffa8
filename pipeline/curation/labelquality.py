"""How probable the label of each face is, by models that did not learn it: cleanlab's confident learning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold

from pipeline.records import Float32, Float64, Ints

FOLDS: Final = 5
C: Final = 10.0  # of the logistic regression: loose enough to tell unit vectors apart, strict enough to doubt


@dataclass(frozen=True, slots=True)
class LabelQuality:
    """Per face (n,): how probable its label is, 0 to 1, and whether cleanlab holds it to be wrong."""

    quality: Float64
    wrong: npt.NDArray[np.bool_]


def label_quality(
    vectors: Float32, labels: Ints, groups: npt.NDArray[np.str_], kept: npt.NDArray[np.bool_]
) -> LabelQuality:
    """How probable the labels (n,) are by models that learnt from `kept` faces of other duplicate groups alone.

    Members with kept faces in less than FOLDS groups cannot be tried so, nor can a member alone: quality 1, not wrong.
    """
    quality, wrong = np.ones(len(labels)), np.zeros(len(labels), bool)
    pairs = np.unique(np.stack([labels[kept], np.unique(groups[kept], return_inverse=True)[1]]), axis=1)
    tried = np.bincount(pairs[0], minlength=int(labels.max(initial=0)) + 1)[labels] >= FOLDS
    _, label = np.unique(labels[tried], return_inverse=True)
    if label.max(initial=0) >= 1:
        probabilities = _out_of_sample(vectors[tried], label, groups[tried], kept[tried])
        quality[tried] = get_label_quality_scores(label, probabilities)
        wrong[tried] = find_label_issues(label, probabilities, n_jobs=1)
    return LabelQuality(quality, wrong)


def _out_of_sample(
    vectors: Float32, labels: Ints, groups: npt.NDArray[np.str_], kept: npt.NDArray[np.bool_]
) -> Float64:
    probabilities = np.zeros((len(labels), int(labels.max()) + 1))
    for learn, attempt in StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0).split(vectors, labels, groups):
        learn = learn[kept[learn]]
        model = LogisticRegression(C=C, max_iter=1000).fit(vectors[learn], labels[learn])
        probabilities[np.ix_(attempt, model.classes_)] = model.predict_proba(vectors[attempt])
    return probabilities
