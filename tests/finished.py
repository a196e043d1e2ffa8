"""The sample after every stage: made once per run of the tests, whatever the number of workers."""

from __future__ import annotations

import contextlib
from pathlib import Path

from filelock import FileLock

from pipeline import clean, curate, datasheet, embed, faces, split, train, validate
from pipeline.files import folder_written_whole
from pipeline.intake import import_photos
from pipeline.params import Params

STAGES = (clean, faces, embed, curate, split, train, validate, datasheet)


def make_project(project: Path, photos: Path, params: Params) -> None:
    """Make `project` hold `photos` as group `lanterns`, after every stage; of several workers the first does it."""
    with FileLock(project.with_suffix(".lock")):
        if project.exists():
            return
        with folder_written_whole(project) as folder, contextlib.chdir(folder):
            data = Path("data", "lanterns")
            import_photos(photos, data)
            for stage in STAGES:
                stage.main(data, params)
