"""When to say 'unknown': how alike to its member a face must be before the name is believed.

A classifier tells members apart, but names anybody. What tells a stranger is the likeness to the named member's
gallery. Its threshold is measured, not chosen. Strangers in general (a property of the network) set the lowest it may
be. How far above, the group says: it is stricter as long as that costs next to none of the group's own faces, judged by
models that never saw them, up to where no member, each left out in turn and so made a stranger, is taken for another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import expit, log_softmax

from pipeline.classifiers.nearest import Nearest
from pipeline.records import Float32, Float64, Ints

# Standard deviations below the usual likeness of own faces, where normally 1 in 2000 is lost, and above that of members
# left out. A stricter threshold would lose right names to keep out strangers who are fewer than promised anyway.
OWN_KEPT: Final = 3.3
LEFT_OUT_KEPT_OUT: Final = 4.0
DEFAULT_SLOPE: Final = 25.0  # of the confidence curve where there is nobody to measure it on


@dataclass(frozen=True, slots=True)
class OpenSet:
    """`threshold` is the likeness from which a name is believed; the confidence is 0.5 there and rises with `slope`."""

    threshold: float
    slope: float

    def confidence(self, likeness: Float64) -> Float64:
        """How sure it is, 0..1, that a face so alike to a member is that member."""
        sure: Float64 = expit(self.slope * (likeness - self.threshold))
        return sure


def calibrate(own: Float64, left_out: Float64, strangers: float) -> OpenSet:
    """Set the threshold and the slope.

    own (n,): likeness of the group's faces to their own member; left_out (m,): of members to the most alike other when
    they are left out; both by models that never saw the face. `strangers`: the likeness that only the allowed share of
    strangers exceeds.
    """
    if len(own) < 2 or len(left_out) < 2:
        return OpenSet(strangers, DEFAULT_SLOPE)
    # Means and deviations, since the tails of a few dozen faces tell nothing.
    costs_nothing = float(own.mean() - OWN_KEPT * own.std())
    strict_enough = float(left_out.mean() + LEFT_OUT_KEPT_OUT * left_out.std())
    return OpenSet(max(strangers, min(costs_nothing, strict_enough)), _slope(own, left_out))


def _slope(own: Float64, left_out: Float64) -> float:
    """How fast the odds of being the member rise with likeness (Platt 1999)."""
    from sklearn.linear_model import LogisticRegression  # only training has to wait for it

    curve = LogisticRegression(C=100.0, class_weight="balanced")
    curve.fit(np.concatenate([own, left_out])[:, None], np.repeat([1, 0], [len(own), len(left_out)]))
    return max(float(curve.coef_[0, 0]), 1.0)


def left_out_likeness(vectors: Float32, labels: Ints, neighbours: int) -> Float64:
    """Each face's likeness to the most alike other member, had its own not been in the group: (n,), or none."""
    count = int(labels.max(initial=-1)) + 1
    if count < 2:
        return np.empty(0)
    likeness = Nearest(neighbours).with_faces(vectors, labels).scores(vectors)
    likeness[np.arange(len(labels)), labels] = -1.0
    highest: Float64 = likeness.max(axis=1)
    return highest


def temperature(scores: Float64, labels: Ints) -> float:
    """The divisor that makes a softmax of held-out `scores` (n, members) most likely (Guo et al. 2017).

    Half a face more than there are is taken to be someone else (Krichevsky and Trofimov 1981), or a classifier that was
    never wrong on a few dozen faces would be sure of every name.
    """
    from scipy.optimize import minimize_scalar

    members = scores.shape[1]
    if members < 2:
        return 1.0
    doubt = 0.5 / (len(labels) + 1)
    targets = np.full(scores.shape, doubt / (members - 1))
    targets[np.arange(len(labels)), labels] = 1.0 - doubt

    def loss(log_temperature: float) -> float:
        return -float((targets * log_softmax(scores / np.exp(log_temperature), axis=1)).sum(axis=1).mean())

    found = minimize_scalar(loss, bounds=(-5.0, 3.0), method="bounded")
    return float(np.exp(found.x))
