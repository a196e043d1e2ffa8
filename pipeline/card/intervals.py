"""How sure a figure is: 95 % intervals, as wide as few faces make them."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from pipeline.card.answers import Answers
from pipeline.records import Float64

Z: Final = 1.959964  # standard deviations on either side that hold 95 % of a normal distribution
DRAWS: Final = 2000


class Interval(NamedTuple):
    """From `low` to `high`, 0..1."""

    low: float
    high: float


def share(which: npt.NDArray[np.bool_]) -> float | None:
    """The share of true ones, rounded; None of nothing."""
    return round(float(which.mean()), 4) if len(which) else None


def share_interval(which: npt.NDArray[np.bool_]) -> Interval | None:
    """Where the share of true ones may lie (Wilson 1927): wide and within 0..1 also for 3 of 3; None of nothing."""
    count = len(which)
    if not count:
        return None
    measured = float(which.mean())
    middle = (measured + Z**2 / (2 * count)) / (1 + Z**2 / count)
    half = Z / (1 + Z**2 / count) * np.sqrt(measured * (1 - measured) / count + Z**2 / (4 * count**2))
    return Interval(round(max(0.0, middle - half), 4), round(min(1.0, middle + half), 4))


def macro_f1_interval(answers: Answers, measured: float | None, seed: int) -> Interval | None:
    """Where the macro-F1 may lie, by a Bayesian bootstrap (Rubin 1981) of each member's test faces; None of nothing.

    Half a face more of each member is right and half a face is wrong, or figures without an error would seem certain.
    """
    counts = np.zeros((answers.members, answers.members))
    np.add.at(counts, (answers.labels, answers.named), 1.0)
    tested = counts.sum(axis=1)
    if measured is None or answers.members < 2:
        return None
    doubt = np.full(counts.shape, 0.5 / (answers.members - 1))
    np.fill_diagonal(doubt, 0.5)
    rng = np.random.default_rng(seed)
    drawn = rng.standard_gamma(counts + doubt, (DRAWS, *counts.shape))  # normalised, these are Dirichlet's
    drawn *= tested[:, None] / drawn.sum(axis=2, keepdims=True)
    low, high = np.quantile(_macro_f1(drawn, tested > 0), (0.025, 0.975))
    return Interval(round(min(float(low), measured), 4), round(max(float(high), measured), 4))


def as_json(interval: Interval | None) -> dict[str, Any] | None:
    """Named numbers, which 'dvc metrics diff' compares one by one."""
    return None if interval is None else interval._asdict()


def _macro_f1(counts: Float64, tested: npt.NDArray[np.bool_]) -> Float64:
    """The mean F1 of the tested members, (draws,), from counts (draws, members, members) by true and named member."""
    right = np.diagonal(counts, axis1=1, axis2=2)
    f1 = 2 * right / np.maximum(counts.sum(axis=1) + counts.sum(axis=2), 1e-9)
    mean: Float64 = f1[:, tested].mean(axis=1)
    return mean
