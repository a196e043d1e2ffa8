"""screen_time.png: how long each member is on screen, and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from pipeline.figures import INK, save, set_names
from pipeline.fonts import shown_name
from pipeline.roster import Member
from pipeline.words import shortened

MIN_SPAN_SHARE: Final = 0.002  # of the video's length; a shorter appearance would not be seen
DPI: Final = 120
MAX_NAME: Final = 24  # characters; a longer one would leave no room for the bars


@dataclass(frozen=True, slots=True)
class Lane:
    """One row of the picture: seconds on screen, at least and at most; (start, end) seconds of each appearance."""

    member: Member
    seconds: float
    range_s: tuple[float, float]
    spans_s: tuple[tuple[float, float], ...]


def write_screen_time(path: Path, lanes: Sequence[Lane], span_s: tuple[float, float]) -> None:
    """Draw the lanes from the top: a bar of seconds, and a timeline of the video from and to `span_s`."""
    figure = Figure(figsize=(11, 1.1 + 0.42 * len(lanes)), layout="constrained")
    bars, timeline = figure.subplots(1, 2, width_ratios=[1, 2.4], sharey=True)
    _draw_bars(bars, lanes)
    _draw_timeline(timeline, lanes, span_s)
    bars.invert_yaxis()
    save(figure, path, DPI)


def _draw_bars(axes: Axes, lanes: Sequence[Lane]) -> None:
    places = range(len(lanes))
    axes.barh(places, [lane.seconds for lane in lanes], height=0.62, color=[lane.member.colour for lane in lanes])
    for place, lane in enumerate(lanes):
        low_s, high_s = min(lane.range_s[0], lane.seconds), max(lane.range_s[1], lane.seconds)
        if high_s - low_s > 0.1:
            reach = [[lane.seconds - low_s], [high_s - lane.seconds]]
            axes.errorbar(lane.seconds, place, xerr=reach, ecolor=INK, elinewidth=1, capsize=3)
        axes.annotate(
            f"{lane.seconds:.1f} s", (high_s, place), (5, 0), textcoords="offset points", va="center", fontsize=9
        )
    names = (shown_name(lane.member, place) for place, lane in enumerate(lanes, start=1))
    axes.set_yticks(places, [shortened(name, MAX_NAME) for name in names])
    set_names(axes.get_yticklabels())
    axes.set_xlim(0, 1.25 * max((max(lane.seconds, lane.range_s[1]) for lane in lanes), default=0) or 1)
    axes.set_title("seconds on screen, and how sure", fontsize=10, color=INK)
    axes.xaxis.set_visible(False)
    axes.tick_params(left=False)
    axes.spines[:].set_visible(False)


def _draw_timeline(axes: Axes, lanes: Sequence[Lane], span_s: tuple[float, float]) -> None:
    start_s, end_s = span_s
    shortest_s = (end_s - start_s) * MIN_SPAN_SHARE
    for place, lane in enumerate(lanes):
        axes.axhspan(place - 0.31, place + 0.31, color="#F2F2F2", zorder=0)
        spans = [(start, max(end - start, shortest_s)) for start, end in lane.spans_s]
        axes.broken_barh(spans, (place - 0.31, 0.62), color=lane.member.colour, linewidth=0)
    axes.set_xlim(start_s, max(end_s, start_s + 1e-3))
    axes.set_title("when", fontsize=10, color=INK)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=10, steps=[1, 1.5, 2, 3, 6, 10]))
    decimals = 1 if end_s - start_s < 10 else 0
    axes.xaxis.set_major_formatter(FuncFormatter(lambda time_s, _: _clock(time_s, decimals)))
    axes.tick_params(left=False, labelsize=8)
    axes.spines[["left", "right", "top"]].set_visible(False)


def _clock(time_s: float, decimals: int) -> str:
    minutes, seconds = divmod(round(time_s, decimals), 60)
    return f"{minutes:.0f}:{seconds:0{decimals + 3 if decimals else 2}.{decimals}f}"
