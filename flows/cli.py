"""The command line. Heavy imports wait inside the commands, so that help and errors come at once."""

from __future__ import annotations

import io
import json
import signal
import sys
from contextlib import nullcontext
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.project import enter_project
from pipeline import __version__
from pipeline.errors import LineupError
from pipeline.params import Style, Unknowns, read_params

if TYPE_CHECKING:
    from flows.labelling import Outcome

app = typer.Typer(
    help="Learns the faces of a group's members from photos and names every face in their videos.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
Group = Annotated[str, typer.Option("--group", "-g", help="The group's folder under data/.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


def main() -> None:
    """Run the command line: a LineupError is one line and exit status 1, a trace only with --debug."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a file's name may hold what the terminal cannot show
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # being stopped ends what was started, as Ctrl-C does
    try:
        app()
    except LineupError as error:
        if "--debug" in sys.argv:
            raise
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from None


def _version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the whole trace of an error.")] = False,
) -> None:
    """Options that go before the command; both are acted on elsewhere."""


@app.command("import")
def import_(
    photos: Annotated[Path, typer.Argument(help="A folder that holds one folder of photos per member.")],
    group: Group,
) -> None:
    """Bring a group's photos in. Again, with more photos: only what is new is added.

    Example: `lineup import ~/photos/lanterns --group lanterns`
    """
    photos = photos.resolve()
    enter_project()
    from flows.importing import import_group

    report = import_group(photos, group)
    for warning in report.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    print(
        f"{group}: {len(report.members)} members, {report.added} photos added, {report.present} were there already, "
        f"{report.duplicates} found twice"
    )
    print(f"next: see data/{group}/roster.yaml for names and colours, then run 'dvc repro'")


@app.command()
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
        print(json.dumps([_plain(asdict(outcome)) for outcome in outcomes], indent=2))
    elif len(outcomes) > 1:
        print(f"{len(outcomes) - failed} labelled, {failed} failed")
    if failed:
        raise typer.Exit(1)


@app.command()
def score(
    out: Annotated[Path, typer.Argument(help="The folder of a labelled video, or its faces.parquet.")],
    truth: Annotated[Path, typer.Argument(help="CSV of true faces: frame, member, x0, y0, x1, y1.")],
    worst: Annotated[
        int, typer.Option("--worst", min=0, help="How many shots are listed, those with most mistakes first.")
    ] = 10,
    as_json: AsJson = False,
) -> None:
    """Compare a labelled video with the truth: in all, per member, and shot by shot. JSON has every shot.

    Example: `lineup score labelled/paper_lanterns_-_northern_line data/sample/truth.csv --worst 3`
    """
    from flows.scoring import print_comparison
    from pipeline.score import score as score_of

    found = score_of(out, truth)
    if as_json:
        tables = {
            name: [asdict(row) for row in rows] for name, rows in (("members", found.members), ("shots", found.shots))
        }
        print(json.dumps(asdict(found.total) | tables))
    else:
        print_comparison(found, worst)


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Say what is there, what is missing, and how to mend it. The exit status is 1 when something is missing.

    Example: `lineup doctor`
    """
    enter_project()
    from flows.doctor import examine

    findings = []
    for finding in examine():
        findings.append(finding)
        if not as_json:
            mark = "mend" if finding.cure else "ok"
            print(f"{mark:5} {finding.what:10} {finding.found}", flush=True)
            if finding.cure:
                print(f"{'':16} -> {finding.cure}")
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    if any(finding.cure for finding in findings):
        raise typer.Exit(1)


@app.command()
def demo() -> None:
    """Do the whole job on the built-in sample, and say where each result lies. A second time it takes seconds.

    Example: `lineup demo`
    """
    enter_project()
    from flows.demo import GROUP
    from flows.demo import demo as run_demo

    made = run_demo()
    print(f"score against the truth of the sample ({made.score.face_frames} faces):")
    for name, value in asdict(made.score).items():
        print(f"  {name:16} {value}")
    print("look at:")
    for path, what in (
        (made.folder / "labelled.mp4", "the video, every face named"),
        (made.folder / "player.html", "the same in a browser, with a timeline to jump by"),
        (made.folder / "screen_time.png", "who is on screen when"),
        (made.folder / "appearances.csv", "every appearance, to the frame"),
        (Path("metrics") / GROUP / "index.html", "how good the model is, and which photos were dropped and why"),
        (Path("data") / GROUP / "roster.yaml", "names and colours, yours to change"),
    ):
        print(f"  {path!s:60} {what}")


def _print_outcome(outcome: Outcome) -> None:
    error = outcome.error.removeprefix(f"{outcome.video.name}: ")
    what = str(outcome.folder) if outcome.folder else f"failed: {error}"
    print(f"{outcome.video.name}: {what} ({outcome.seconds:.1f} s)", flush=True)
    for warning in outcome.warnings:
        print(f"  warning: {warning}", flush=True)


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, Path) else value for name, value in row.items()}


if __name__ == "__main__":
    main()
