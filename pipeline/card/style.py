"""What all pictures of the card share: paper, ink, members' names in any alphabet, and files of one size."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.text import Text

from pipeline.files import written_whole
from pipeline.fonts import font_for, shown_name
from pipeline.roster import Roster

INK: Final = "#333333"
FAINT: Final = "#B5B5B5"
LINE: Final = "#0072B2"
WRONG: Final = "#D62728"
DPI: Final = 110
MAX_NAME: Final = 16  # characters; a longer one would leave no room for what it names
MAX_SIDE_IN: Final = 13.0


@dataclass(frozen=True, slots=True)
class Shown:
    """The members of a model as pictures show them: names that the fonts can draw, colours '#RRGGBB'."""

    names: tuple[str, ...]
    colours: tuple[str, ...]


def shown(roster: Roster, keys: Sequence[str]) -> Shown:
    """How the members with these keys are shown; one whose name no font has is '#' and her number among them."""
    members = [roster.member(key) for key in keys]
    names = (shown_name(member, number) for number, member in enumerate(members, start=1))
    short = (name if len(name) <= MAX_NAME else name[: MAX_NAME - 1] + "…" for name in names)
    return Shown(tuple(short), tuple(member.colour for member in members))


def new_figure(width_in: float, height_in: float) -> tuple[Figure, Axes]:
    """An empty picture and its axes, with no frame but a baseline."""
    figure = Figure(figsize=(min(width_in, MAX_SIDE_IN), min(height_in, MAX_SIDE_IN)), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=INK)
    return figure, axes


def set_names(labels: Iterable[Text], size: float = 11) -> None:
    """Draw names as they are written, each in a font that has its characters."""
    for label in labels:
        label.set_parse_math(False)  # a dollar sign is a dollar sign
        label.set_fontproperties(FontProperties(fname=str(font_for(label.get_text())[0]), size=size))


def names_size(count: int) -> float:
    """The size of names, in points, of which `count` stand side by side."""
    return 11 if count <= 12 else 8


def save(figure: Figure, path: Path) -> None:
    """Write the picture as PNG, whole or not at all."""
    with written_whole(path) as temporary:
        figure.savefig(temporary, dpi=DPI, format="png")
