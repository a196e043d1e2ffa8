"""Pictures of the curves: ROC, detection error trade-off, reliability."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.special import ndtri

from pipeline.card.curves import BINS, OpenSetCurve, Reliability
from pipeline.card.style import FAINT, LINE, new_figure
from pipeline.classifiers.model import THRESHOLD
from pipeline.figures import INK, save
from pipeline.records import Float64

RATES: Final = (0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.95)


def draw_roc(path: Path, curve: OpenSetCurve) -> None:
    """The share of members' faces that get a name against that of strangers, at every threshold."""
    figure, axes = _square("strangers named", "members named")
    axes.plot([0, 1], [0, 1], color=FAINT, linestyle="--")
    axes.plot(curve.false_name_rate, curve.named_rate, color=LINE, linewidth=2, clip_on=False)
    _mark(axes, curve, curve.false_name_rate, curve.named_rate)
    axes.legend(loc="lower right", edgecolor="none", title=f"area under the curve {curve.area:.3f}")
    save(figure, path)


def draw_det(path: Path, curve: OpenSetCurve, faces: int) -> None:
    """Members missed against strangers named, on normal-deviate axes (Martin et al. 1997); half of `faces` is 0."""
    least = 0.5 / faces
    x, y = (ndtri(np.clip(rate, least, 1 - least)) for rate in (curve.false_name_rate, 1.0 - curve.named_rate))
    figure, axes = _square("strangers named", "members missed")
    axes.plot(x, y, color=LINE, linewidth=2)
    axes.axline((0, 0), slope=1, color=FAINT, linestyle="--")
    _mark(axes, curve, x, y)
    span = ndtri([least / 2, RATES[-1]])
    ticks = [rate for rate in RATES if rate >= least / 2]
    labels = [f"{100 * rate:g} %" for rate in ticks]
    axes.set(xlim=span, ylim=span)
    axes.set_xticks(ndtri(ticks), labels, rotation=45)
    axes.set_yticks(ndtri(ticks), labels)
    axes.legend(loc="upper right", edgecolor="none", title=f"equal error rate {curve.equal_error_rate:.1%}")
    save(figure, path)


def draw_reliability(path: Path, alone: Reliability, with_strangers: Reliability) -> None:
    """How often a name is right against the confidence it was given; a dot's area grows with its number of faces."""
    figure, axes = _square("confidence", "right")
    axes.plot([0, 1], [0, 1], color=FAINT, linestyle="--")
    kinds = [(alone, LINE, "members' faces")]
    if with_strangers.faces.sum() > alone.faces.sum():
        kinds.insert(0, (with_strangers, FAINT, "and as many strangers"))
    for found, colour, kind in kinds:
        label = f"{kind}: error {found.error or 0:.3f}"
        axes.plot(found.confidence, found.right, color=colour, linewidth=1)
        areas = 20 + 250 * found.faces / found.faces.max()
        axes.scatter(found.confidence, found.right, s=areas, color=colour, edgecolors=INK, clip_on=False, zorder=3)
        axes.scatter([], [], color=colour, edgecolors=INK, label=label)
    axes.set_xticks(np.linspace(0, 1, BINS // 2 + 1))
    figure.legend(loc="outside upper center", frameon=False, reverse=True)
    save(figure, path)


def _square(across: str, up: str) -> tuple[Figure, Axes]:
    figure, axes = new_figure(5.2, 5.0)
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel=across, ylabel=up, aspect="equal")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.grid(color="#EEEEEE")
    return figure, axes


def _mark(axes: Axes, curve: OpenSetCurve, x: Float64, y: Float64) -> None:
    """A dot where the curve is at the threshold that is in use: the last point that is not below it."""
    here = int(np.flatnonzero(curve.threshold >= THRESHOLD)[-1])
    label = f"confidence {THRESHOLD:g}, in use"
    axes.plot(x[here], y[here], "o", color=LINE, markeredgecolor=INK, markersize=10, clip_on=False, label=label)
