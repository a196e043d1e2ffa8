"""Pictures of the members: who is named whom, how often each is right, who is like whom, where every face lies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.card.answers import Answers
from pipeline.card.intervals import share_interval
from pipeline.card.style import FAINT, WRONG, Shown, names_size, new_figure
from pipeline.figures import INK, save, set_names
from pipeline.records import UNKNOWN, Float64, Ints


def draw_confusion(path: Path, shown: Shown, counts: Ints) -> None:
    """Counts (members, members + 1) of faces by true member (row) and given name (column, the last unknown)."""
    members = len(shown.names)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure, axes = _grid(share, (*shown.names, UNKNOWN), shown.names, "Blues", (0.0, 1.0))
    axes.axvline(members - 0.5, color=INK, linewidth=1)
    axes.set(xlabel="named", ylabel="is")
    for (row, column), count in np.ndenumerate(counts):
        if count:
            ink = "white" if share[row, column] > 0.5 else "black"
            axes.text(column, row, str(count), ha="center", va="center", color=ink, size=names_size(members))
    save(figure, path)


def draw_likeness(path: Path, shown: Shown, likeness: Float64, threshold: float) -> None:
    """How alike members are, (members, members) with nan inside; `threshold` is where a name is believed."""
    members = len(shown.names)
    figure, axes = _grid(likeness, shown.names, shown.names, "OrRd", (0.0, max(threshold, 0.01)))
    axes.set_title(f"mean likeness; a name is believed from {threshold:.2f} on", fontsize=10, color=INK)
    for (row, column), value in np.ndenumerate(likeness):
        if row != column:
            ink = "white" if value > 0.65 * threshold else "black"
            axes.text(column, row, f"{value:.2f}", ha="center", va="center", color=ink, size=names_size(members) - 2)
    save(figure, path)


def draw_shares(path: Path, shown: Shown, answers: Answers) -> None:
    """Each member's precision and recall as dots, each with its 95 % interval."""
    members = len(shown.names)
    figure, axes = new_figure(6.5, 1.2 + 0.55 * members)
    kinds = ((answers.named, "o", -0.15, "precision"), (answers.labels, "D", 0.15, "recall"))
    for of, marker, shift, kind in kinds:
        for label in range(members):
            right = answers.right[of == label]
            interval = share_interval(right)
            if interval:
                axes.hlines(label + shift, *interval, color=INK, linewidth=1)
                axes.plot(
                    right.mean(), label + shift, marker, color=shown.colours[label], markeredgecolor=INK, clip_on=False
                )
        axes.plot([], [], marker, color="white", markeredgecolor=INK, label=kind)
    axes.set_yticks(range(members), shown.names)
    set_names(axes.get_yticklabels(), names_size(members))
    axes.set(xlim=(0, 1), ylim=(members - 0.5, -0.5))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.grid(axis="x", color="#E5E5E5")
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    save(figure, path)


def draw_map(
    path: Path, shown: Shown, places_xy: Float64, labels: Ints, tested: npt.NDArray[np.bool_], taken: Ints
) -> None:
    """Every face where it lies, (n, 2), in its member's colour: dots were learnt, diamonds `tested` (n,).

    `taken` (n,) is whom a face is taken for; where that is not its member, it is ringed.
    """
    figure, axes = new_figure(6.5, 6.0)
    colours = np.array(shown.colours)[labels]
    for which, marker, size, kind in ((~tested, "o", 22, "learnt from"), (tested, "D", 34, "tested on")):
        x, y = places_xy[which].T
        axes.scatter(x, y, s=size, c=colours[which], marker=marker, edgecolors=INK, linewidths=0.5)
        axes.scatter([], [], s=size, c="white", marker=marker, edgecolors=INK, label=kind)
    x, y = places_xy[tested & (taken != labels)].T
    axes.scatter(x, y, s=150, facecolors="none", edgecolors=WRONG, linewidths=2, label="taken for another")
    halo = [patheffects.withStroke(linewidth=3, foreground="white")]
    for label in np.unique(labels):
        x, y = np.median(places_xy[labels == label], axis=0)
        name = axes.text(x, y, shown.names[label], ha="center", va="center", path_effects=halo)
        set_names([name], names_size(len(shown.names)))
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_color(FAINT)
    figure.legend(loc="outside lower center", ncols=3, frameon=False, markerscale=0.9)
    save(figure, path)


def _grid(
    values: Float64, columns: tuple[str, ...], rows: tuple[str, ...], colours: str, span: tuple[float, float]
) -> tuple[Figure, Axes]:
    """A coloured grid with names at its columns and rows."""
    side = max(3.6, 0.55 * len(rows) + 2.4)
    figure, axes = new_figure(side + 0.6, side)
    axes.imshow(values, cmap=colours, vmin=span[0], vmax=span[1])
    axes.set_xticks(range(len(columns)), columns, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(rows)), rows)
    set_names([*axes.get_xticklabels(), *axes.get_yticklabels()], names_size(len(rows)))
    return figure, axes
