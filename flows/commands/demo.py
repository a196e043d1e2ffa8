"""lineup demo: the whole job on the built-in sample."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from flows.project import enter_project


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
        (Path("metrics") / GROUP / "model_card.html", "how good the model is, on what it rests, and how sure that is"),
        (Path("data") / GROUP / "report.html", "where its photos came from, and what became of each"),
        (Path("data") / GROUP / "roster.yaml", "names and colours, yours to change"),
    ):
        print(f"  {path!s:60} {what}")
