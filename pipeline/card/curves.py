"""Known against unknown at every threshold, and whether a confidence means what it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from sklearn.metrics import auc, roc_curve

from pipeline.card.answers import Answers
from pipeline.records import Float64, Ints

BINS: Final = 10


@dataclass(frozen=True, slots=True)
class OpenSetCurve:
    """At each of k thresholds, falling: the share of members' faces and of strangers' that get a name; all (k,)."""

    threshold: Float64
    named_rate: Float64
    false_name_rate: Float64

    @property
    def area(self) -> float:
        """How often a member's face is surer than a stranger's, 0..1: the area under the ROC curve."""
        return round(float(auc(self.false_name_rate, self.named_rate)), 4)

    @property
    def equal_error_rate(self) -> float:
        """The share of members missed where it is the share of strangers named, 0..1."""
        excess = self.false_name_rate - (1.0 - self.named_rate)  # rises from -1 to 1
        return round(float(np.interp(0.0, excess, self.false_name_rate)), 4)


@dataclass(frozen=True, slots=True)
class Reliability:
    """Per bin of confidence that has faces: the mean confidence, the share named right, and how many; all (bins,)."""

    confidence: Float64
    right: Float64
    faces: Ints

    @property
    def error(self) -> float | None:
        """The expected calibration error, 0..1: by how much confidence and truth differ; None without faces."""
        if not len(self.faces):
            return None
        return round(float(np.average(np.abs(self.confidence - self.right), weights=self.faces)), 4)


def open_set_curve(answers: Answers) -> OpenSetCurve | None:
    """Test faces against themselves as strangers, by confidence; None when either are missing."""
    known, strangers = answers.confidence, answers.stranger_confidence
    if not len(known) or not len(strangers):
        return None
    truth = np.repeat([1, 0], [len(known), len(strangers)])
    false_named, named, threshold = roc_curve(truth, np.concatenate([known, strangers]), drop_intermediate=False)
    return OpenSetCurve(np.minimum(threshold, 1.0), named, false_named)


def reliability(answers: Answers, with_strangers: bool) -> Reliability:
    """Confidence against truth in BINS equal steps.

    With strangers, every face is asked twice: as itself, and with its member left out, when no name is right.
    """
    confidence, right = answers.confidence, answers.right.astype(np.float64)
    if with_strangers:
        confidence = np.concatenate([confidence, answers.stranger_confidence])
        right = np.concatenate([right, np.zeros(len(answers.stranger_confidence))])
    place = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    faces = np.bincount(place, minlength=BINS)
    filled = faces > 0
    mean_confidence, share_right = (np.bincount(place, of, BINS)[filled] / faces[filled] for of in (confidence, right))
    return Reliability(mean_confidence, share_right, faces[filled])


def roc_table(curve: OpenSetCurve | None) -> pd.DataFrame:
    """Rows for roc.csv: false_name_rate, named_rate, threshold."""
    columns = ("false_name_rate", "named_rate", "threshold")
    return pd.DataFrame({name: getattr(curve, name, []) for name in columns}).round(4)


def det_table(curve: OpenSetCurve | None) -> pd.DataFrame:
    """Rows for det.csv: false_name_rate, miss_rate, threshold."""
    roc = roc_table(curve)
    return roc.assign(miss_rate=(1.0 - roc["named_rate"]).round(4))[["false_name_rate", "miss_rate", "threshold"]]


def reliability_table(found: Reliability) -> pd.DataFrame:
    """Rows for reliability.csv: confidence, right, faces."""
    return pd.DataFrame({"confidence": found.confidence, "right": found.right, "faces": found.faces}).round(4)
