"""Options that several commands share, and how they print."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.commands.completion import groups, members
from pipeline.errors import FAILED, STOPPED
from pipeline.params import Style, Unknowns

if TYPE_CHECKING:
    from flows.label.request import Outcome

Group = Annotated[
    str,
    typer.Option(
        "--group", "-g", metavar="GROUP", autocompletion=groups, help="The group: the name of its folder in data/."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="DIR",
        file_okay=False,
        help="Where the results go, a folder per video; labelled/ of the project if not given.",
    ),
]
Threshold = Annotated[
    float | None,
    typer.Option("--threshold", metavar="N", min=0.0, max=1.0, help="Confidence needed for a name; 0.5 is calibrated."),
]
StyleWanted = Annotated[
    Style | None,
    typer.Option(
        "--style", help="How faces are marked; blur makes them unrecognisable. That of params.yaml if not given."
    ),
]
Only = Annotated[
    list[str] | None,
    typer.Option(
        "--only",
        metavar="MEMBER",
        autocompletion=members,
        help="Mark this member only; with --style blur, blur everyone else. May be given several times.",
    ),
]
UnknownsWanted = Annotated[
    Unknowns | None, typer.Option("--unknowns", help="Whether faces without a name have a grey box.")
]
FancamOf = Annotated[
    list[str] | None,
    typer.Option(
        "--fancam",
        metavar="MEMBER",
        autocompletion=members,
        help="Also make a fan-cam of this member. May be given several times.",
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option("--jobs", metavar="N", min=1, help="How many videos at once; what the machine bears if not given."),
]


def print_json(value: Any) -> None:
    """Print what a command with --json tells: records as objects, paths whole and as text."""
    print(json.dumps(value, indent=2, default=_plain))


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, Path):
        return str(value.absolute())  # the caller may stand in another folder
    raise TypeError(f"{type(value).__name__} cannot be told as JSON")


def end(outcomes: Sequence[Any], failed: int, as_json: bool) -> None:
    """Tell of all outcomes together, and end with status FAILED if that many failed."""
    if as_json:
        print_json(outcomes)
    elif len(outcomes) > 1:
        print(f"{len(outcomes) - failed} labelled, {failed} failed")
    if failed:
        raise typer.Exit(FAILED)


@contextmanager
def stoppable(what_then: str) -> Iterator[None]:
    """Have Ctrl-C end the block, and the command, with one line that says what then, and status STOPPED."""
    try:
        yield
    except KeyboardInterrupt:
        print(f"\nstopped; {what_then}", file=sys.stderr)
        raise typer.Exit(STOPPED) from None


def print_outcome(outcome: Outcome) -> None:
    """Tell in a line what became of a video, and what is amiss with its results."""
    from pipeline.words import printable

    error = outcome.error.removeprefix(f"{outcome.video.name}: ")
    what = str(outcome.folder) if outcome.folder else f"failed: {error}"
    print(printable(f"{outcome.video.name}: {what} ({outcome.seconds:.1f} s)"), flush=True)
    for warning in outcome.warnings:
        print(printable(f"  warning: {warning}"), flush=True)


def print_warnings(warnings: Iterable[str]) -> None:
    """Tell of what is amiss, a line each; files' names may be in them."""
    from pipeline.words import printable

    for warning in warnings:
        print(printable(f"warning: {warning}"), file=sys.stderr)
