"""Demo: the whole job on the built-in sample, and where to look at each result."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from flows.importing import import_group
from flows.label.lines import lines
from flows.label.request import Request, patience_s
from flows.label.run import label_one
from flows.project import CommandError, dvc
from pipeline import __version__
from pipeline.classifiers.model import hashes
from pipeline.evaluation.score import Score, score
from pipeline.files import sha256_of
from pipeline.results import Origin
from pipeline.video.place import results_of

GROUP: Final = "lanterns"
SAMPLE: Final = Path("data") / "sample"
OUT: Final = Path("labelled")


@dataclass(frozen=True, slots=True)
class Demo:
    """What the demo made: the folder of the labelled video, and its score against the truth."""

    folder: Path
    score: Score


def demo() -> Demo:
    """Import the sample, build its models, label its video unless that is done, score it."""
    import_group(SAMPLE / "photos", GROUP)
    dvc("repro", f"validate@{GROUP}", f"datasheet@{GROUP}")  # its own stages only: other groups may be big, or broken
    video = next((SAMPLE / "videos").glob("*.mp4"))
    folder = results_of(video, OUT, Origin(sha256_of(video), GROUP))
    if folder is None or not _is_fresh(folder):
        with lines() as shown:
            outcome = label_one(video, Request(GROUP, OUT, silent_s=patience_s()), shown.watch)
        if outcome.folder is None:
            raise CommandError(f"{video}: {outcome.error}")
        folder = outcome.folder
    return Demo(folder, score(folder, SAMPLE / "truth.csv").total)


def _is_fresh(folder: Path) -> bool:
    """Whether the results in `folder` were made with the present model."""
    try:
        run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        return bool(run["model"] == hashes(Path("models") / GROUP) and run["lineup"] == __version__)
    except (OSError, ValueError, KeyError, TypeError):  # not there, or not ours
        return False
