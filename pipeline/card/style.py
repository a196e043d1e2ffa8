"""What all pictures of the card share: paper, colours, and how members are called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.figures import INK
from pipeline.fonts import shown_name
from pipeline.roster import Roster
from pipeline.words import shortened

FAINT: Final = "#B5B5B5"
LINE: Final = "#0072B2"
WRONG: Final = "#D62728"
MAX_NAME: Final = 16  # characters; a longer one would leave no room for what it names
MAX_SIDE_IN: Final = 13.0


@dataclass(frozen=True, slots=True)
class Shown:
    """The members of a model as pictures show them: names that the fonts can draw, colours '#RRGGBB'."""

    names: tuple[str, ...]
    colours: tuple[str, ...]


def shown(roster: Roster, keys: Sequence[str]) -> Shown:
    """How the members with these keys are shown; one whose name no font has is '#' and a number among them."""
    members = [roster.member(key) for key in keys]
    names = (shown_name(member, number) for number, member in enumerate(members, start=1))
    return Shown(tuple(shortened(name, MAX_NAME) for name in names), tuple(member.colour for member in members))


def new_figure(width_in: float, height_in: float) -> tuple[Figure, Axes]:
    """An empty picture and its axes, with no frame but a baseline."""
    figure = Figure(figsize=(min(width_in, MAX_SIDE_IN), min(height_in, MAX_SIDE_IN)), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=INK)
    return figure, axes


def names_size(count: int) -> float:
    """The size of names, in points, of which `count` stand side by side."""
    return 11 if count <= 12 else 8
