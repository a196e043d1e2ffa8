"""lineup label: names on every face of videos."""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands.options import AsJson, Group, plain
from flows.project import enter_project
from pipeline.params import Style, Unknowns, read_params

if TYPE_CHECKING:
    from flows.labelling import Outcome


def label(
    videos: Annotated[list[str], typer.Argument(help="Videos, folders of videos, or globs in quotes.")],
    group: Group,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Where a folder per video is made; labelled/ of the project if not given."),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option("--threshold", min=0.0, max=1.0, help="Confidence needed for a name; 0.5 is calibrated."),
    ] = None,
    style: Annotated[
        Style | None,
        typer.Option(
            "--style", help="How faces are marked; blur makes them unrecognisable. That of params.yaml if not given."
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="MEMBER",
            help="Mark this member only; with --style blur, blur everyone else. May be given several times.",
        ),
    ] = None,
    unknowns: Annotated[
        Unknowns | None, typer.Option("--unknowns", help="Whether faces without a name have a grey box.")
    ] = None,
    fancam: Annotated[
        list[str] | None,
        typer.Option(
            "--fancam",
            metavar="MEMBER",
            help="Also make a fan-cam of this member. May be given several times.",
        ),
    ] = None,
    show: Annotated[bool, typer.Option("--show", help="Show the work live, on a page of this machine only.")] = False,
    as_json: AsJson = False,
) -> None:
    """Name every face in videos. One that fails does not stop the others; the exit status is then 1.

    Example: `lineup label concert.mp4 clips/ --group lanterns --fancam Mira --show`
    """
    from flows.labelling import check_members, check_model, expand, label_all
    from flows.live import live_preview

    paths, nothing = expand(videos)
    out = out.resolve() if out else Path("labelled")  # the latter in the project's folder, entered next
    enter_project()
    read_params()  # a slip in it is told once, before the first video
    check_model(group)
    extra = [f"--{name}={value}" for name, value in (("style", style), ("unknowns", unknowns)) if value]
    extra += [f"--only={member}" for member in only or ()]
    extra += [f"--fancam={member}" for member in fancam or ()]
    if fancam or only:
        check_members(group, [*(fancam or ()), *(only or ())])
    outcomes = []
    with live_preview(paths) if show else nullcontext() as live:
        if live:
            extra.append(f"--preview={live.folder}")
        try:
            for outcome in chain(nothing, label_all(paths, group, out, threshold, extra)):
                outcomes.append(outcome)
                if live:
                    live.done(outcome)
                if not as_json:
                    _print_outcome(outcome)
        except KeyboardInterrupt:
            print("\nstopped; the same command goes on from there", file=sys.stderr)
            raise typer.Exit(130) from None
    failed = sum(outcome.folder is None for outcome in outcomes)
    if as_json:
        print(json.dumps([plain(asdict(outcome)) for outcome in outcomes], indent=2))
    elif len(outcomes) > 1:
        print(f"{len(outcomes) - failed} labelled, {failed} failed")
    if failed:
        raise typer.Exit(1)


def _print_outcome(outcome: Outcome) -> None:
    error = outcome.error.removeprefix(f"{outcome.video.name}: ")
    what = str(outcome.folder) if outcome.folder else f"failed: {error}"
    print(f"{outcome.video.name}: {what} ({outcome.seconds:.1f} s)", flush=True)
    for warning in outcome.warnings:
        print(f"  warning: {warning}", flush=True)
