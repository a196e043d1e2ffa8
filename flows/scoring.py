"""How scores against the truth are shown in a terminal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Final

from rich import box
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from pipeline.evaluation.score import Scores
from pipeline.words import printable

NOTHING: Final = "-"


def print_scores(found: Scores, worst: int) -> None:
    """Print the score, a table of members, and the `worst` shots: those with most faces that are not right."""
    for name, value in asdict(found.total).items():
        print(f"{name:16} {NOTHING if value is None else value}")
    _print_table("per member:", (asdict(one) for one in found.members))
    bad = sorted((shot for shot in found.shots if shot.right < shot.faces), key=lambda shot: shot.right - shot.faces)
    shown = bad[:worst]
    title = f"shots with a face that is not right: {len(bad)} of {len(found.shots)}"
    _print_table(f"{title}; the worst {len(shown)}:" if shown else title, (asdict(shot) for shot in shown))


def _print_table(title: str, rows: Iterable[dict[str, object]]) -> None:
    print(f"\n{title}")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, collapse_padding=True)
    for row in rows:
        if not table.columns:
            for name, value in row.items():
                word = isinstance(value, str)
                justify: JustifyMethod = "left" if word else "right"
                table.add_column(name.replace("_", " "), justify=justify, overflow="fold", no_wrap=not word)
        table.add_row(*map(_cell, row.values()))
    if table.columns:
        Console(highlight=False).print(table)


def _cell(value: object) -> Text:
    """A value as it is: a name out of a file is no markup, and moves no cursor."""
    if value is None or value == "":
        return Text(NOTHING)
    text = f"{value:.3f}" if isinstance(value, float) else str(value)
    return Text(printable(text))
