"""lineup score: a labelled video against the truth."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from flows.commands.options import AsJson, print_json, print_warnings


def score(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The folder of a labelled video, or its faces.parquet.")],
    truth: Annotated[Path, typer.Argument(metavar="TRUTH", help="CSV of true faces: frame, member, x0, y0, x1, y1.")],
    worst: Annotated[
        int,
        typer.Option("--worst", metavar="N", min=0, help="How many shots are listed, those with most mistakes first."),
    ] = 10,
    as_json: AsJson = False,
) -> None:
    """Compare a labelled video with the truth: in all, per member, and shot by shot. JSON has every shot.

    Example: `lineup score labelled/paper_lanterns_-_northern_line data/sample/truth.csv --worst 3`
    """
    from flows.scoring import print_scores
    from pipeline.evaluation.score import score as score_of

    found = score_of(out, truth)
    print_warnings(found.warnings)
    if as_json:
        print_json({**asdict(found.total), "members": found.members, "shots": found.shots})
    else:
        print_scores(found, worst)
